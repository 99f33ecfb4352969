package report_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

func TestTheSummaryIsARecountOfTheCasesThatTheFilterLeaves(t *testing.T) {
	t.Parallel()
	made := newRows(t, 300)
	reports := report.New(made.pg, made.log, func() time.Time { return now })
	for _, text := range []string{
		``, `{}`, `{"or": []}`, `{"status": ["OPEN"]}`, `{"status": ["CLOSED", "IN_PROGRESS"]}`, `{"overdue": true}`, `{"overdue": false}`,
		`{"mine": true}`, `{"mine": false}`, `{"assigned": false}`, `{"response": {}}`, `{"not": {"response": {}}}`,
		`{"response": {"category": ["DETRACTOR"]}}`, `{"response": {"score": {"gte": 3, "lte": 8}}, "overdue": true}`,
		`{"customer": {"country": {"in": ["de", "tr"]}}}`, `{"dueAt": {"withinNext": "PT1H"}}`, `{"dueAt": {"isNull": true}}`,
		`{"or": [{"mine": true}, {"not": {"customer": {"country": {"eq": "BR"}}}}], "openedAt": {"withinLast": "P2D"}}`,
	} {
		f := made.cases(text)
		for _, u := range made.users {
			got, err := reports.CaseSummary(t.Context(), auth.Viewer{User: u}, f, false)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if want := made.recount(f, u.ID); got.CaseCounts != want {
				t.Errorf("%s for %s: %+v; want %+v", text, u.Name, got.CaseCounts, want)
			}
		}
	}
	// The data must hold what is counted.
	if all := made.recount(nil, model.UserID{}); all.Total != 300 || all.Open < 50 || all.InProgress < 20 || all.Closed < 20 || all.Overdue < 20 || all.Overdue > all.Open+all.InProgress-10 {
		t.Errorf("%+v shows too little", all)
	}
}

func TestTheSummaryOfNothingIsNought(t *testing.T) {
	t.Parallel()
	made := newRows(t, 0)
	got, err := report.New(made.pg, made.log, func() time.Time { return now }).CaseSummary(t.Context(), auth.Viewer{User: made.users[0]}, nil, false)
	if err != nil || got.CaseCounts != (report.CaseCounts{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Figures and feed leave no gap: what the feed shows after the cursor may be in the figures already, never the other way.
func TestTheSummaryIsAtLeastAsNewAsItsCursor(t *testing.T) {
	t.Parallel()
	made := newRows(t, 3)
	for _, x := range made.all { // committed, and stamped by nobody
		if _, err := event.Append(made.db, event.Entry{Type: model.EventOpened, After: &model.Snapshot{Case: *x.Case, Customer: *x.Customer}}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := report.New(made.pg, made.log, func() time.Time { return now }).CaseSummary(t.Context(), auth.Viewer{User: made.users[0]}, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	head, err := made.log.Head(t.Context())
	if err != nil || got.Cursor != head || got.Total != 3 {
		t.Errorf("%+v; the head is %s: %v", got, head, err)
	}
	var unstamped int
	if err := made.db.Raw("SELECT count(*) FROM case_events WHERE position IS NULL").Scan(&unstamped).Error; err != nil || unstamped != 0 {
		t.Errorf("%d events lie nowhere: %v", unstamped, err)
	}
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
