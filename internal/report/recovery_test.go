package report_test

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

func TestRecovery(t *testing.T) {
	t.Parallel()
	made := newRows(t, 300)
	reports := report.New(made.pg, made.log, nil, func() time.Time { return now })
	ann := made.users[0]
	var won int
	for _, text := range caseFilters {
		f := made.cases(text)
		for _, by := range caseGroupings {
			got, err := reports.Recovery(t.Context(), auth.Viewer{User: ann}, f, groupBy(by, 1000))
			if err != nil {
				t.Fatal(err)
			}
			closed := *made
			closed.all = nil
			for _, x := range made.all {
				if x.Case.ClosedAt != nil && f.Match(x, ann.ID) {
					closed.all = append(closed.all, x)
				}
			}
			groups := grouped(got.Groups, func(g *report.RecoveryGroup) (report.Group, int, report.RecoveryCounts) {
				return g.Group, g.ClosedCases, rounded(g.RecoveryCounts)
			})
			sameGroups(t, fmt.Sprint(text, " by ", by), groups, splitCases(&closed, ann.ID, f, by, func(cases []*filter.Subject) report.RecoveryCounts {
				c, _ := made.recovery(cases)
				return c
			}))
			want, value := made.recovery(closed.all)
			if !reflect.DeepEqual(rounded(got.RecoveryCounts), want) || !got.LifetimeValueRecovered.Equal(value) {
				t.Errorf("%s: got %+v, %s; want %+v, %s", text, got.RecoveryCounts, got.LifetimeValueRecovered, want, value)
			}
			won += want.RecoveredDetractors + want.ConvertedPassives
		}
	}
	if won == 0 {
		t.Error("the data has no recovered or converted customer, so it proves too little")
	}
}

func rounded(c report.RecoveryCounts) report.RecoveryCounts {
	if c.MeanScoreChange != nil {
		mean := math.Round(*c.MeanScoreChange*1e9) / 1e9
		c.MeanScoreChange = &mean
	}
	return c
}

// recovery counts in Go what the recovery report counts in SQL.
func (made *rows) recovery(cases []*filter.Subject) (c report.RecoveryCounts, value decimal.Decimal) {
	counted := map[model.CustomerID]bool{}
	var change, compared int
	for _, x := range cases {
		c.ClosedCases++
		var again *model.Response
		for _, answer := range made.responded {
			if r := answer.Response; r.CustomerID == x.Customer.ID && r.RespondedAt.After(*x.Case.ClosedAt) &&
				(again == nil || cmp.Or(r.RespondedAt.Compare(again.RespondedAt), cmp.Compare(r.ID.String(), again.ID.String())) < 0) {
				again = r
			}
		}
		if again == nil {
			continue
		}
		c.AnsweredAgain++
		if x.Response == nil {
			continue
		}
		change += again.Score - x.Response.Score
		compared++
		before, after := model.CategoryOf(x.Response.Score), model.CategoryOf(again.Score)
		switch {
		case before == model.Detractor && after != model.Detractor:
			c.RecoveredDetractors++
		case before == model.Passive && after == model.Promoter:
			c.ConvertedPassives++
		default:
			continue
		}
		if !counted[x.Customer.ID] && x.Customer.LifetimeValue != nil {
			counted[x.Customer.ID] = true
			value = value.Add(*x.Customer.LifetimeValue)
		}
	}
	if compared > 0 {
		mean := math.Round(float64(change)/float64(compared)*1e9) / 1e9
		c.MeanScoreChange = &mean
	}
	return c, value
}
