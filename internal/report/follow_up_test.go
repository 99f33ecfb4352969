package report_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

func TestFollowUp(t *testing.T) {
	t.Parallel()
	made := newRows(t, 200)
	reports := report.New(made.pg, made.log, nil, func() time.Time { return now })
	ann := made.users[0]
	for _, text := range caseFilters {
		f := made.cases(text)
		for _, by := range caseGroupings {
			got, err := reports.FollowUp(t.Context(), auth.Viewer{User: ann}, f, groupBy(by, 1000))
			if err != nil {
				t.Fatal(err)
			}
			groups := grouped(got.Groups, func(g *report.FollowUpGroup) (report.Group, int, report.FollowUpCounts) {
				return g.Group, g.Cases, g.FollowUpCounts
			})
			sameGroups(t, fmt.Sprint(text, " by ", by), groups, splitCases(made, ann.ID, f, by, followUp))
			var matching []*filter.Subject
			for _, x := range made.all {
				if f.Match(x, ann.ID) {
					matching = append(matching, x)
				}
			}
			want := followUp(matching)
			if !reflect.DeepEqual(got.FollowUpCounts, want) {
				t.Errorf("%s: got %+v; want %+v", text, got.FollowUpCounts, want)
			}
			if rate := got.InTimeRate(); (rate == nil) != (want.Decided == 0) || rate != nil && *rate != float64(want.FollowedUpInTime)/float64(want.Decided) {
				t.Errorf("%s: InTimeRate is %v, want %d of %d", text, rate, want.FollowedUpInTime, want.Decided)
			}
		}
	}
}

// followUp counts in Go what the follow-up report counts in SQL.
func followUp(cases []*filter.Subject) (c report.FollowUpCounts) {
	moment := now.Truncate(time.Microsecond)
	inTime := func(at, due *time.Time) int {
		if at != nil && due != nil && !at.After(*due) {
			return 1
		}
		return 0
	}
	var toFollowUp, toClose []time.Duration
	for _, x := range cases {
		k := x.Case
		c.Cases++
		if k.DueAt != nil {
			c.WithTarget++
		}
		c.FollowedUpInTime += inTime(k.FirstFollowUpAt, k.DueAt)
		c.ContactedInTime += inTime(k.FirstContactAt, k.DueAt)
		c.ClosedInTime += inTime(k.ClosedAt, k.DueAt)
		if k.DueAt != nil && (k.DueAt.Before(moment) || inTime(k.FirstFollowUpAt, k.DueAt) == 1) {
			c.Decided++
		}
		if k.Overdue(moment) {
			c.OverdueNow++
		}
		start := k.OpenedAt
		if x.Response != nil {
			start = x.Response.RespondedAt
		}
		if k.FirstFollowUpAt != nil {
			toFollowUp = append(toFollowUp, max(k.FirstFollowUpAt.Sub(start), 0))
		}
		if k.ClosedAt != nil {
			toClose = append(toClose, max(k.ClosedAt.Sub(start), 0))
		}
	}
	c.MedianTimeToFollowUp, c.P90TimeToFollowUp, c.MedianTimeToClose = percentile(toFollowUp, 0.5), percentile(toFollowUp, 0.9), percentile(toClose, 0.5)
	return c
}

// percentile interpolates between the two nearest ranks (Hyndman and Fan, 1996, definition 7).
func percentile(waits []time.Duration, p float64) *model.Duration {
	if len(waits) == 0 {
		return nil
	}
	slices.Sort(waits)
	rank := p * float64(len(waits)-1)
	low, high := waits[int(math.Floor(rank))].Microseconds(), waits[int(math.Ceil(rank))].Microseconds()
	d := model.Duration(time.Duration(math.Floor(float64(low)+(rank-math.Floor(rank))*float64(high-low))) * time.Microsecond)
	return &d
}
