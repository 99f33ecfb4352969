package report_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

// patience is how long a test waits for figures before it fails. No test passes because this time has passed.
const patience = 30 * time.Second

// never is an interval that does not end during a test, so that a count must have another cause.
const never = time.Hour

// watched holds rows and the reports that watch their figures.
type watched struct {
	*rows
	reports *report.Reports
	counter *pgtest.Counter // counts the reports' statements
	clock   atomic.Int64    // nanoseconds after now
}

func newWatched(t *testing.T, n int) *watched {
	t.Helper()
	w := &watched{rows: newRows(t, n), counter: new(pgtest.Counter)}
	// The reports have a pool of their own, so that the counter does not count the log's statements.
	db, err := pg.Connect(t.Context(), pgtest.URL(t, w.pg), pg.Options{Tracer: w.counter})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.log.Follow()
	w.reports = report.New(db, w.log, nil, func() time.Time { return now.Add(time.Duration(w.clock.Load())) })
	w.reports.Tune(time.Millisecond, never)
	t.Cleanup(w.reports.Close)
	return w
}

func caseFilter(t *testing.T, text string) *filter.Case {
	t.Helper()
	if text == "" {
		return nil
	}
	v, err := filter.Decode(json.RawMessage(text))
	f := new(filter.Case)
	if err == nil {
		err = f.UnmarshalGQL(v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (w *watched) as(user int) auth.Viewer { return auth.Viewer{User: w.users[user]} }

// watch starts to watch as Ann.
func (w *watched) watch(text string) *report.Watch { return w.watchAs(w.as(0), text, false) }

func (w *watched) watchAs(viewer auth.Viewer, text string, each bool) *report.Watch {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	one, err := w.reports.Watch(ctx, viewer, caseFilter(w.t, text), each)
	if err != nil {
		w.t.Fatal(err)
	}
	return one
}

func next(t *testing.T, one *report.Watch) *report.CaseSummary {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := one.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// until takes figures until done is true for them.
func until(t *testing.T, one *report.Watch, done func(*report.CaseSummary) bool) *report.CaseSummary {
	t.Helper()
	for {
		if s := next(t, one); done(s) {
			return s
		}
	}
}

// setStatus changes a case's status as package casework does: the row and the event in one transaction.
func (w *watched) setStatus(x *filter.Subject, to model.CaseStatus) {
	w.t.Helper()
	before := model.Snapshot{Case: *x.Case, Customer: *x.Customer, Response: x.Response}
	previous := x.Case.Status
	x.Case.Status, x.Case.Version, x.Case.ClosedAt = to, x.Case.Version+1, nil
	if to == model.Closed {
		x.Case.ClosedAt = &x.Case.OpenedAt
	}
	after := model.Snapshot{Case: *x.Case, Customer: *x.Customer, Response: x.Response}
	err := w.pg.Tx(w.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("UPDATE cases SET status = ?, version = ?, closed_at = ? WHERE id = ?", to, x.Case.Version, x.Case.ClosedAt, x.Case.ID).Error; err != nil {
			return err
		}
		entry := event.Entry{Type: model.EventDetailsChanged, Changed: []string{"customer.country"}, Before: &before, After: &after}
		if previous != to {
			note := &model.Note{ID: model.NoteID{UUID: model.NewUUID()}, CaseID: x.Case.ID, AuthorID: w.users[0].ID, Body: "So it is.", CreatedAt: now}
			if err := tx.Create(note).Error; err != nil {
				return err
			}
			entry.Type, entry.Changed, entry.Note, entry.PreviousStatus, entry.Status = model.EventStatusChanged, nil, &note.ID, &previous, &to
		}
		_, err := event.Append(tx, entry)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.log.Wake()
}

// open makes an open case without follow-up; due may be nil.
func (w *watched) open(due *time.Time) *filter.Subject {
	w.t.Helper()
	w.status = model.Open
	w.addCase()
	x := w.all[len(w.all)-1]
	x.Case.FirstFollowUpAt, x.Case.DueAt = nil, due
	err := w.db.Exec("UPDATE cases SET first_follow_up_at = NULL, due_at = ? WHERE id = ?", due, x.Case.ID).Error
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

// counts returns how often the reports have counted.
func (w *watched) counts() (n int) {
	for _, sql := range w.counter.Statements() {
		if strings.Contains(sql, "count(*)") {
			n++
		}
	}
	return n
}
