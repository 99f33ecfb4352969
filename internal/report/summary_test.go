package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

func TestCaseSummary(t *testing.T) {
	t.Parallel()
	t.Run("equals a recount in Go", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 300)
		reports := report.New(made.pg, made.log, nil, func() time.Time { return now })
		for _, text := range []string{
			``, `{}`, `{"or": []}`, `{"status": ["OPEN"]}`, `{"status": ["CLOSED", "IN_PROGRESS"]}`, `{"overdue": true}`, `{"overdue": false}`,
			`{"mine": true}`, `{"mine": false}`, `{"assigned": false}`, `{"response": {}}`, `{"not": {"response": {}}}`,
			`{"response": {"category": ["DETRACTOR"]}}`, `{"response": {"score": {"gte": 3, "lte": 8}}, "overdue": true}`,
			`{"customer": {"country": {"in": ["de", "tr"]}}}`, `{"dueAt": {"withinNext": "PT1H"}}`, `{"dueAt": {"isNull": true}}`,
			`{"or": [{"mine": true}, {"not": {"customer": {"country": {"eq": "BR"}}}}], "openedAt": {"withinLast": "P2D"}}`,
		} {
			f := made.cases(text)
			for _, u := range made.users {
				got, err := reports.CaseSummary(t.Context(), auth.Viewer{User: u}, f, report.AllCounts)
				if err != nil {
					t.Errorf("%s: %v", text, err)
					continue
				}
				if want := made.recount(f, u.ID); got.CaseCounts != want {
					t.Errorf("%s for %s: got %+v; want %+v", text, u.Name, got.CaseCounts, want)
				}
			}
		}
		// The data must have cases of every kind that the summary counts.
		if all := made.recount(nil, model.UserID{}); all.Total != 300 || all.Open < 50 || all.InProgress < 20 || all.Closed < 20 || all.Overdue < 20 || all.Overdue > all.Open+all.InProgress-10 {
			t.Errorf("the data has %+v, which proves too little", all)
		}
	})

	t.Run("counts what is asked for", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 300)
		reports, viewer := report.New(made.pg, made.log, nil, func() time.Time { return now }), auth.Viewer{User: made.users[0]}
		all := made.recount(nil, viewer.User.ID)
		for name, want := range map[string]report.CaseCounts{
			"open": {Open: all.Open}, "inProgress": {InProgress: all.InProgress}, "closed": {Closed: all.Closed}, "total": {Total: all.Total},
			"overdue": {Overdue: all.Overdue}, "overdue open": {Overdue: all.Overdue, Open: all.Open}, "cursor": {},
		} {
			asked := report.AskedCounts{Figures: strings.Fields(name), Groups: []string{"key", "overdue"}}
			got, err := reports.CaseSummary(t.Context(), viewer, nil, asked)
			if err != nil || got.CaseCounts != want {
				t.Errorf("%s: %+v, want %+v (%v)", name, got, want, err)
				continue
			}
			groups, err := got.Groups(t.Context(), "CATEGORY", nil, nil)
			overdue := 0
			for _, g := range groups {
				if overdue += g.Overdue; g.Open+g.Total > 0 {
					t.Errorf("a group has %+v", g.CaseCounts)
				}
			}
			if err != nil || overdue != all.Overdue {
				t.Errorf("the groups have %d overdue cases of %d: %v", overdue, all.Overdue, err)
			}
		}
	})

	t.Run("is zero without cases", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 0)
		got, err := report.New(made.pg, made.log, nil, func() time.Time { return now }).CaseSummary(t.Context(), auth.Viewer{User: made.users[0]}, nil, report.AllCounts)
		if err != nil || got.CaseCounts != (report.CaseCounts{}) {
			t.Errorf("got %+v, %v, want zero counts", got, err)
		}
	})

	// No event may fall between figures and feed: the figures may include events after the cursor, but must include every
	// event up to it.
	t.Run("is at least as new as its cursor", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 3)
		for _, x := range made.all { // committed, but not stamped yet
			err := made.pg.Tx(t.Context(), func(tx *gorm.DB) error {
				_, err := event.Append(tx, event.Entry{Type: model.EventOpened, After: &model.Snapshot{Case: *x.Case, Customer: *x.Customer}})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		got, err := report.New(made.pg, made.log, nil, func() time.Time { return now }).CaseSummary(t.Context(), auth.Viewer{User: made.users[0]}, nil, report.AskedCounts{Figures: []string{"total"}, Cursor: true})
		if err != nil {
			t.Fatal(err)
		}
		head, err := made.log.Head(t.Context())
		if err != nil || got.Cursor != head || got.Total != 3 {
			t.Errorf("got %+v; want 3 cases and the head %s as the cursor (%v)", got, head, err)
		}
		var unstamped int
		if err := made.db.Raw("SELECT count(*) FROM case_events WHERE position IS NULL").Scan(&unstamped).Error; err != nil || unstamped != 0 {
			t.Errorf("%d events have no position: %v", unstamped, err)
		}
	})

	t.Run("has groups that equal a recount in Go", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 200)
		reports := report.New(made.pg, made.log, nil, func() time.Time { return now })
		zone, first := auckland, 1000
		for _, text := range caseFilters {
			f, ann := made.cases(text), made.users[0]
			summary, err := reports.CaseSummary(t.Context(), auth.Viewer{User: ann}, f, report.AllCounts)
			if err != nil {
				t.Fatal(err)
			}
			for _, by := range caseGroupings {
				groups, err := summary.Groups(t.Context(), by, &first, &zone)
				if err != nil {
					t.Fatal(err)
				}
				got := grouped(groups, func(g *report.CaseGroup) (report.Group, int, report.CaseCounts) {
					return g.Group, g.Total, g.CaseCounts
				})
				sameGroups(t, fmt.Sprint(text, " by ", by), got, splitCases(made, ann.ID, f, by, func(cases []*filter.Subject) (s report.CaseCounts) {
					for _, x := range cases {
						tally(&s, x)
					}
					return s
				}))
				checkOrder(t, text, string(by), got)
			}
		}
	})
}

// recount counts in Go what the summary counts in SQL.
func (made *rows) recount(f *filter.Case, viewer model.UserID) (s report.CaseCounts) {
	for _, x := range made.all {
		if f.Match(x, viewer) {
			tally(&s, x)
		}
	}
	return s
}

func tally(s *report.CaseCounts, x *filter.Subject) {
	s.Total++
	switch x.Case.Status {
	case model.Open:
		s.Open++
	case model.InProgress:
		s.InProgress++
	case model.Closed:
		s.Closed++
	}
	if x.Case.Overdue(now.Truncate(time.Microsecond)) {
		s.Overdue++
	}
}
