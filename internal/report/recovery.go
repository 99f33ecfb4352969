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

// RecoveryCounts measures what the customers of closed cases answered afterwards.
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

// closedWithAnswer is the FROM clause over the closed cases and their next answers, with the names that the counts use.
const closedWithAnswer = "closed cases CROSS JOIN LATERAL (SELECT cases.then_category AS category, cases.then_score AS score) again"

// nextAnswer selects the first response that the customer gave after the case was closed and that the viewer may see.
func nextAnswer(q selection) *gorm.DB {
	return q.db.Model(&model.Response{}).Where(q.viewer.Scope().Responses(q.now)).
		Where("responses.customer_id = cases.customer_id AND responses.responded_at > cases.closed_at").
		Select("responses.score, responses.category").Order("responses.responded_at, responses.id").Clauses(page.Limit(1))
}

// RecoveryReport measures the recovery of the closed cases that match a filter.
type RecoveryReport struct {
	RecoveryCounts
	LifetimeValueRecovered decimal.Decimal
	Groups                 []*RecoveryGroup `gorm:"-"`
}

// RecoveryGroup measures the recovery of one group of closed cases.
type RecoveryGroup struct {
	Group
	RecoveryCounts
}

// Recovery compares the score of closed cases with the customers' next answers. LifetimeValueRecovered is the sum of the
// current lifetime values of the customers who were recovered or converted; each customer counts once.
func (r *Reports) Recovery(ctx context.Context, viewer auth.Viewer, f *filter.Case, by Grouping[CaseGroupBy]) (*RecoveryReport, error) {
	q := r.cases(ctx, viewer, f)
	q.rows = q.rows.Where("cases.status = 'CLOSED'").Joins("LEFT JOIN LATERAL (?) again ON true", nextAnswer(q)).Session(&gorm.Session{})
	out := new(RecoveryReport)
	// The statement finds the next answer of each case once and uses it for both the counts and the sum.
	closed := q.rows.Select("cases.customer_id, cases.category, cases.score, cases.lifetime_value, again.category AS then_category, again.score AS then_score")
	err := q.db.Raw("WITH closed AS MATERIALIZED (?) SELECT "+recoveryCounts+`,
		(SELECT coalesce(sum(lifetime_value), 0) FROM (SELECT DISTINCT cases.customer_id, cases.lifetime_value FROM `+closedWithAnswer+" WHERE "+recovered+" OR "+converted+`) won)
			AS lifetime_value_recovered FROM `+closedWithAnswer, closed).Scan(out).Error
	if err != nil {
		return nil, fmt.Errorf("report on recovery: %w", err)
	}
	out.Groups, err = split(q, caseDimensions, by, recoveryCounts, func(at Group, c RecoveryCounts) *RecoveryGroup { return &RecoveryGroup{at, c} })
	return out, err
}
