package report

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/model"
)

// RecoveryCounts is what closing the loop brought.
type RecoveryCounts struct {
	ClosedCases         int
	AnsweredAgain       int
	RecoveredDetractors int
	ConvertedPassives   int
	MeanScoreChange     *float64
}

const (
	recovered = "(cases.category = 'DETRACTOR' AND again.category <> 'DETRACTOR')"
	converted = "(cases.category = 'PASSIVE' AND again.category = 'PROMOTER')"
)

const recoveryCounts = `count(*) AS closed_cases, count(again.score) AS answered_again,
	count(*) FILTER (WHERE ` + recovered + `) AS recovered_detractors,
	count(*) FILTER (WHERE ` + converted + `) AS converted_passives,
	avg((again.score - cases.score)::float8) AS mean_score_change`

// looked are closed cases with the answers that were looked up, as the counts call them.
const looked = "closed cases CROSS JOIN LATERAL (SELECT cases.then_category AS category, cases.then_score AS score) again"

// nextAnswer is the first that the customer gave after the case was closed, of those that the viewer sees: it says what
// became of them.
func nextAnswer(q question) *gorm.DB {
	return q.db.Model(&model.Response{}).Where(q.viewer.Scope().Responses(q.now)).
		Where("responses.customer_id = cases.customer_id AND responses.responded_at > cases.closed_at").
		Select("responses.score, responses.category").Order("responses.responded_at, responses.id").Clauses(page.Limit(1))
}

// RecoveryReport is what closing the cases brought that a filter leaves.
type RecoveryReport struct {
	RecoveryCounts
	LifetimeValueRecovered decimal.Decimal
	Groups                 []*RecoveryGroup `gorm:"-"`
}

// RecoveryGroup is what closing one group of cases brought.
type RecoveryGroup struct {
	Group
	RecoveryCounts
}

// Recovery looks what the customers of closed cases answered next. The lifetime value is that of the customers who
// were recovered or converted, each once, as it is now.
func (r *Reports) Recovery(ctx context.Context, viewer auth.Viewer, f *filter.Case, by Grouping[CaseGroupBy]) (*RecoveryReport, error) {
	q := r.cases(ctx, viewer, f)
	q.rows = q.rows.Where("cases.status = 'CLOSED'").Joins("LEFT JOIN LATERAL (?) again ON true", nextAnswer(q)).Session(&gorm.Session{})
	out := new(RecoveryReport)
	// What became of each is looked up once, for both the counts and the sum.
	each := q.rows.Select("cases.customer_id, cases.category, cases.score, cases.lifetime_value, again.category AS then_category, again.score AS then_score")
	err := q.db.Raw("WITH closed AS MATERIALIZED (?) SELECT "+recoveryCounts+`,
		(SELECT coalesce(sum(lifetime_value), 0) FROM (SELECT DISTINCT cases.customer_id, cases.lifetime_value FROM `+looked+" WHERE "+recovered+" OR "+converted+`) won)
			AS lifetime_value_recovered FROM `+looked, each).Scan(out).Error
	if err != nil {
		return nil, fmt.Errorf("report on recovery: %w", err)
	}
	out.Groups, err = split(q, caseDimensions, by, recoveryCounts, func(at Group, c RecoveryCounts) *RecoveryGroup { return &RecoveryGroup{at, c} })
	return out, err
}
