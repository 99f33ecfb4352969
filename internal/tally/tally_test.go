package tally_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/tally"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// by is the number of the question by a property without a filter.
func by(p tally.Property) int {
	return slices.IndexFunc(questions, func(q question) bool { return q.by == p && q.filter == "" })
}

// counting is a server that follows the log, and a counter of its tally's statements.
func (w *world) counting() (*server, *pgtest.Counter) {
	w.T.Helper()
	counter := new(pgtest.Counter)
	s := &server{log: event.New(w.pools[0], quiet)}
	w.T.Cleanup(s.log.Close)
	s.log.Follow()
	for end := time.Now().Add(30 * time.Second); !s.log.Follows(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.T.Fatal("the server does not follow the log")
		}
	}
	s.tally = tally.New(w.pool(pg.Options{Tracer: counter}), s.log)
	return s, counter
}

func (w *world) counted(counter *pgtest.Counter) (n int) {
	for _, sql := range counter.Statements() {
		if strings.Contains(sql, "FROM cases") {
			n++
		}
	}
	return n
}

func (w *world) answer(s *server, q int) []tally.Row {
	w.T.Helper()
	rows, ok, err := s.tally.Count(w.T.Context(), w.question(s, q))
	if err != nil || !ok {
		w.T.Fatalf("%s: not answered (%v)", questions[q].name(), err)
	}
	if want := w.inTable(q); !slices.Equal(sorted(rows), want) {
		w.T.Errorf("%s: a server counts\n%v, the table has\n%v", questions[q].name(), sorted(rows), want)
	}
	return rows
}

func TestTally(t *testing.T) {
	t.Parallel()
	t.Run("counts the table once and then follows the log, for some minutes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s, counter := w.counting()
		opened := w.Submit(worktest.From("a", 2)).Case
		for range 3 {
			w.Submit(worktest.From("a", 2))
			w.answer(s, by(tally.Assignee))
			w.Move(opened.ID, model.Closed)
			w.answer(s, by(tally.Assignee))
			w.Move(opened.ID, model.Open)
			w.answer(s, by(tally.Assignee))
		}
		if n := w.counted(counter); n != 1 {
			t.Errorf("the table was counted %d times", n)
		}
		w.Must("UPDATE cases SET assignee_id = $1, assigned_at = now()", w.agents[2].ID)
		s.tally.Age()
		w.answer(s, by(tally.Assignee))
	})

	t.Run("counts again when an epoch begins, and when a customer's company was erased", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s, counter := w.counting()
		w.Submit(worktest.From("a", 2))
		w.answer(s, by(tally.Nothing))
		if _, err := w.Log.Fork(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Submit(worktest.From("b", 2))
		w.answer(s, by(tally.Nothing))
		w.answer(s, by(tally.Nothing))
		if n := w.counted(counter); n != 2 {
			t.Errorf("the table was counted %d times, not before and after the epoch began", n)
		}
		erase := w.Submit(intake.SubmitResponseInput{Score: 1, Customer: &customer.CustomerInput{Company: worktest.Given("ACME")}}).Response.CustomerID
		w.answer(s, by(tally.Company))
		w.answer(s, by(tally.Country))
		if _, err := privacy.New(w.DB, w.Work).EraseCustomer(t.Context(), w.Admin, privacy.EraseCustomerInput{CustomerID: erase}); err != nil {
			t.Fatal(err)
		}
		w.answer(s, by(tally.Company))
		w.answer(s, by(tally.Country))
		if n := w.counted(counter); n != 5 {
			t.Errorf("the table was counted %d times, not by country once and by company before and after the erasure", n-2)
		}
	})

	// What was counted may have events that get their positions later: they must not count twice.
	t.Run("counts no event twice that had no position when the table was counted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s, counter := w.counting()
		q := w.question(s, by(tally.Nothing))
		q.At = func(ctx context.Context) (event.Place, error) { // the case is opened after the place was asked for, and before the table is counted
			at, err := s.log.Place(ctx)
			w.holdStamps(func() { w.Submit(worktest.From("a", 2)) })
			return at, err
		}
		rows, ok, err := s.tally.Count(t.Context(), q)
		if err != nil || !ok || len(rows) != 1 || rows[0].Open != 1 {
			t.Errorf("%v, %t, %v; want the case that is open", rows, ok, err)
		}
		w.release()
		w.answer(s, by(tally.Nothing))
		if n := w.counted(counter); n != 1 {
			t.Errorf("the table was counted %d times", n)
		}
	})

	t.Run("does not answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s, counter := w.counting()
		unanswered := func(what string, s *server, q tally.Question) {
			t.Helper()
			if rows, ok, err := s.tally.Count(t.Context(), q); ok || err != nil {
				t.Errorf("%s: %v, %t, %v", what, rows, ok, err)
			}
		}
		q := w.question(s, by(tally.Country))
		q.Filter = w.filter(`{"assigned": true}`)
		unanswered("a property that does not decide the filter", s, q)
		q = w.question(s, by(tally.Rule))
		q.Filter = w.filter(`{"status": ["OPEN"], "dueAt": {"isNull": true}}`)
		unanswered("a filter of something else", s, q)
		log := event.New(w.DB, slog.New(slog.DiscardHandler))
		t.Cleanup(log.Close)
		alone := &server{log: log, tally: tally.New(w.DB, log)}
		unanswered("a server that does not follow the log", alone, w.question(alone, by(tally.Nothing)))

		s.tally.Tune(2)
		for _, score := range []int{0, 1} {
			w.Submit(worktest.From("a", score))
		}
		w.answer(s, by(tally.Score))
		w.Submit(worktest.From("a", 2)) // a third value
		for range 2 {
			unanswered("too many values", s, w.question(s, by(tally.Score)))
		}
		if n := w.counted(counter); n != 2 {
			t.Errorf("the table was counted %d times: before, and when there were too many values", n)
		}
	})
}
