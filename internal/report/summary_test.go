package report_test

import (
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

// now is finer than PostgreSQL keeps, as a clock is.
var now = time.Date(2026, 3, 1, 9, 30, 0, 123456789, time.UTC)

// rows are cases as the table has them, with what their filters look at.
type rows struct {
	t     *testing.T
	pg    *pg.DB
	db    *gorm.DB
	log   *event.Log
	users []*model.User
	cases []*filter.Subject
}

func newRows(t *testing.T, n int) *rows {
	t.Helper()
	db := pgtest.New(t)
	made := &rows{t: t, pg: db, db: db.Gorm, log: event.New(db, slog.New(slog.DiscardHandler))}
	t.Cleanup(made.log.Close)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, name := range []string{"Ann", "Bob"} {
		u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: name, Email: name + "@example.com", Role: model.Agent, Active: true, CreatedAt: now}
		u.Fold()
		made.create(u)
		made.users = append(made.users, u)
	}
	for range n {
		made.add(r)
	}
	return made
}

func (made *rows) create(row any) {
	made.t.Helper()
	if err := made.db.Omit(clause.Associations).Create(row).Error; err != nil {
		made.t.Fatal(err)
	}
}

// add makes a case that is anything: due to the microsecond, followed up, closed, Ann's, of a response or of none.
func (made *rows) add(r *rand.Rand) {
	made.t.Helper()
	tick := now.Truncate(time.Microsecond)
	at := func() *time.Time {
		t := tick.Add([]time.Duration{0, time.Microsecond, -time.Microsecond, time.Hour, -time.Hour, -48 * time.Hour}[r.IntN(6)])
		return &t
	}
	country := []string{"DE", "BR", "TR"}[r.IntN(3)]
	customer := &model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Country: &country, Attributes: map[string]string{}, CreatedAt: now}
	made.create(customer)
	c := &model.Case{ID: model.CaseID{UUID: model.NewUUID()}, Status: []model.CaseStatus{model.Open, model.Open, model.InProgress, model.Closed}[r.IntN(4)],
		Origin: model.OriginRule, CustomerID: customer.ID, OpenedAt: *at(), UpdatedAt: *at(), Version: 1}
	c.CopyCustomer(customer)
	if c.Status == model.Closed {
		c.ClosedAt = at()
	}
	if r.IntN(4) > 0 {
		c.DueAt = at()
	}
	if r.IntN(3) == 0 {
		c.FirstFollowUpAt = at()
	}
	if r.IntN(2) == 0 {
		c.AssigneeID, c.AssignedAt = &made.users[r.IntN(2)].ID, at()
	}
	var about *model.Response
	if r.IntN(3) > 0 {
		about = &model.Response{ID: model.ResponseID{UUID: model.NewUUID()}, CustomerID: customer.ID, Score: r.IntN(11), Drivers: []string{},
			Attributes: map[string]string{}, RespondedAt: *at(), ReceivedAt: now}
		about.CopyCustomer(customer)
		made.create(about)
		c.ResponseID = &about.ID
		c.CopyResponse(about)
	}
	made.create(c)
	made.cases = append(made.cases, &filter.Subject{Case: c, Response: about, Customer: customer, Now: now})
}

// recount counts in Go what the summary counts in SQL.
func (made *rows) recount(f *filter.Case, viewer model.UserID) report.CaseSummary {
	var s report.CaseSummary
	for _, x := range made.cases {
		if !f.Match(x, viewer) {
			continue
		}
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
	return s
}

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
		var f *filter.Case
		if text != "" {
			v, err := filter.Decode(json.RawMessage(text))
			if err == nil {
				f = new(filter.Case)
				err = f.UnmarshalGQL(v)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, u := range made.users {
			got, err := reports.CaseSummary(t.Context(), auth.Viewer{User: u}, f, false)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if want := made.recount(f, u.ID); *got != want {
				t.Errorf("%s for %s: %+v; want %+v", text, u.Name, *got, want)
			}
		}
	}
	// The data must hold what is counted.
	if all := made.recount(nil, model.UserID{}); all.Total != 300 || all.Open < 50 || all.InProgress < 20 || all.Closed < 20 || all.Overdue < 20 || all.Overdue > all.Open+all.InProgress-20 {
		t.Errorf("%+v shows too little", all)
	}
}

func TestTheSummaryOfNothingIsNought(t *testing.T) {
	t.Parallel()
	made := newRows(t, 0)
	got, err := report.New(made.pg, made.log, func() time.Time { return now }).CaseSummary(t.Context(), auth.Viewer{User: made.users[0]}, nil, false)
	if err != nil || *got != (report.CaseSummary{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Figures and feed leave no gap: what the feed shows after the cursor may be in the figures already, never the other way.
func TestTheSummaryIsAtLeastAsNewAsItsCursor(t *testing.T) {
	t.Parallel()
	made := newRows(t, 3)
	for _, x := range made.cases { // committed, and stamped by nobody
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
