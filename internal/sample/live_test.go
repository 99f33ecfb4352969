package sample

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("creates the past once and keeps responses coming", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.customers = 40
		first := w.run()
		<-first.made
		past := w.number("SELECT count(*) FROM responses WHERE external_id IS NOT NULL")
		if past < 100 {
			t.Errorf("the past has %d responses, want at least 100", past)
		}
		first.wait(20)
		first.stop()
		after := w.number("SELECT count(*) FROM responses")
		if after < past+20 {
			t.Errorf("20 steps created %d responses, want at least 20", after-past)
		}
		if w.number("SELECT count(*) FROM notifications") == 0 {
			t.Error("no alert is sent about the new responses")
		}

		second := w.run()
		second.wait(20)
		second.stop()
		if n := w.number("SELECT count(*) FROM responses WHERE external_id IS NOT NULL"); n != past {
			t.Errorf("after the second start the past has %d responses, want %d", n, past)
		}
		if n := w.number("SELECT count(*) FROM responses"); n < after+20 {
			t.Errorf("20 steps after the second start created %d responses, want at least 20", n-after)
		}
		if users, rules := w.number("SELECT count(*) FROM users"), w.number("SELECT count(*) FROM rules"); users != len(team) || rules != 5 {
			t.Errorf("after two starts there are %d users and %d rules, want %d and 5", users, rules, len(team))
		}
		if w.log.has("WARN") {
			t.Errorf("the log has a warning: %s", w.log.text.String())
		}
	})

	t.Run("leaves an interrupted past as it is", func(t *testing.T) {
		t.Parallel()
		s := &interrupter{}
		w := newWorld(t, pgtest.WithTracer(s))
		ctx, cancel := context.WithCancel(t.Context())
		s.arm(2000, cancel)
		made, o := 0, w.Options
		o.Made = func() { made++ }
		if err := Run(ctx, o); err != nil || made != 1 {
			t.Errorf("Run returned %v when interrupted and called Made %d times, want nil and once", err, made)
		}
		past := w.number("SELECT count(*) FROM responses")
		if past < 10 || past > 500 {
			t.Fatalf("the interrupted past has %d responses, want 10 to 500", past)
		}

		r := w.run()
		r.wait(5)
		r.stop()
		if n := w.number("SELECT count(*) FROM responses"); n < past+5 || n > past+10 {
			t.Errorf("there are %d responses after five steps, want 5 to 10 more than %d", n, past)
		}
	})

	t.Run("leaves a database with other customers alone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		work := casework.New(w.DB, w.Feed, w.Queue, w.Now)
		real := intake.SubmitResponseInput{Score: 9, Customer: &customer.CustomerInput{ExternalID: new("C-1")}}
		if _, err := intake.New(work).Submit(t.Context(), auth.Viewer{}, real); err != nil {
			t.Fatal(err)
		}
		r := w.run()
		r.until()
		<-r.made
		if customers, users := w.number("SELECT count(*) FROM customers"), w.number("SELECT count(*) FROM users"); customers != 1 || users != 0 {
			t.Errorf("got %d customers and %d users, want 1 and none", customers, users)
		}
		if !w.log.has("customers of its own") {
			t.Error("the log does not say why")
		}
	})

	t.Run("logs a failed step and continues", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.staff()
		if err := newLive(w.Options, dice(diceAnswers, 1)).submitNew(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := w.run()
		r.wait(1)
		if err := w.DB.Gorm.Exec("ALTER TABLE responses RENAME TO away").Error; err != nil {
			t.Fatal(err)
		}
		r.wait(2) // the first of the two may have written its response before the renaming
		if !w.log.has("a step of the sample data failed") {
			t.Error("the failure is not logged")
		}
		if err := w.DB.Gorm.Exec("ALTER TABLE away RENAME TO responses").Error; err != nil {
			t.Fatal(err)
		}
		before := w.number("SELECT count(*) FROM responses")
		r.wait(3)
		if n := w.number("SELECT count(*) FROM responses"); n < before+2 {
			t.Errorf("there were %d responses, and %d after three more steps", before, n)
		}
		r.stop()
	})
}

// interrupter calls cut at the nth SQL statement after arm.
type interrupter struct {
	left atomic.Int64
	cut  func()
}

func (s *interrupter) arm(nth int64, cut func()) {
	s.cut = cut
	s.left.Store(nth)
}

func (s *interrupter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	if s.left.Add(-1) == 0 {
		s.cut()
	}
	return ctx
}

func (s *interrupter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestSubmitKnown(t *testing.T) {
	t.Parallel()
	t.Run("records a change in the history of the customer's cases", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.staff()
		l := newLive(w.Options, dice(diceAnswers, 1))
		for range 15 {
			if err := l.submitNew(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 { // some changes set the same value again
			if err := l.submitKnown(t.Context(), true); err != nil {
				t.Fatal(err)
			}
		}
		if w.number("SELECT count(*) FROM case_events WHERE type = 'DETAILS_CHANGED'") == 0 {
			t.Error("no event records the change")
		}
		if n := w.number("SELECT count(*) FROM customers"); n != 15 {
			t.Errorf("got %d customers, want 15", n)
		}
	})
}

func TestDesk(t *testing.T) {
	t.Parallel()
	t.Run("does every action", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := newLive(w.Options, dice(diceAnswers, 1))
		k := desk{l, w.staff()}
		for range 30 {
			if err := l.submitNew(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		open := w.number("SELECT count(*) FROM cases WHERE assignee_id IS NOT NULL")
		if open < 5 {
			t.Fatalf("%d cases are assigned, want at least 5", open)
		}
		for _, c := range []struct {
			name  string
			do    func() error
			event string
			then  string // a condition that the case then satisfies
		}{
			{"start", func() error { return k.actOn(t.Context(), model.Open, start) }, "STATUS_CHANGED", "status = 'IN_PROGRESS'"},
			{"add a note", func() error { return k.actOn(t.Context(), model.InProgress, addNote) }, "NOTE_ADDED", "status = 'IN_PROGRESS'"},
			{"close", func() error { return k.advance(t.Context(), model.InProgress, 0) }, "STATUS_CHANGED", "status = 'CLOSED'"},
			{"reopen", func() error { return k.actOn(t.Context(), model.Closed, reopen) }, "STATUS_CHANGED", "reopen_count = 1"},
			{"unassign", func() error { return k.actOn(t.Context(), model.InProgress, unassign) }, "ASSIGNED", "assignee_id IS NULL"},
			{"reassign", func() error { return k.actOn(t.Context(), model.InProgress, reassign) }, "ASSIGNED", "assigned_by_id IS NOT NULL"},
			{"advance an open case", func() error { return k.advance(t.Context(), model.Open, 0) }, "STATUS_CHANGED", "status = 'IN_PROGRESS'"},
		} {
			if err := c.do(); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			var last struct {
				Type, Email, Note string
				Holds             bool
			}
			err := w.DB.Gorm.Raw(`SELECT e.type, u.email, n.body AS note, c.` + c.then + ` AS holds FROM case_events e JOIN cases c ON c.id = e.case_id
			JOIN users u ON u.id = e.actor_id JOIN notes n ON n.id = e.note_id ORDER BY e.seq DESC LIMIT 1`).Scan(&last).Error
			if err != nil {
				t.Fatal(err)
			}
			if last.Type != c.event || !last.Holds || last.Note == "" || k.staff.byEmail[last.Email] == nil {
				t.Errorf("%s: the last event is %+v", c.name, last)
			}
		}
	})

	t.Run("keeps the oldest cases unfinished", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := newLive(w.Options, dice(diceAnswers, 1))
		k := desk{l, w.staff()}
		for range 30 {
			if err := l.submitNew(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		open := w.number("SELECT count(*) FROM cases")
		for range open + 5 {
			if err := k.advance(t.Context(), model.Open, 3); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.number("SELECT count(*) FROM cases WHERE status = 'OPEN'"); n != 3 {
			t.Errorf("%d of %d cases are open, want 3", n, open)
		}
	})

	t.Run("leaves cases of other users alone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := newLive(w.Options, dice(diceAnswers, 1))
		k := desk{l, w.staff()}
		for range 10 {
			if err := l.submitNew(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if c, err := k.pickCase(t.Context(), model.Open, 0); c == nil || err != nil {
			t.Fatalf("pickCase found no case; the error is %v", err)
		}
		if err := w.DB.Gorm.Exec("INSERT INTO users SELECT gen_random_uuid(), 'Me', 'me', 'me@example.com', 'me@example.com', 'ADMIN', true, now()").Error; err != nil {
			t.Fatal(err)
		}
		if err := w.DB.Gorm.Exec("UPDATE cases SET assignee_id = (SELECT id FROM users WHERE name = 'Me'), assigned_at = now()").Error; err != nil {
			t.Fatal(err)
		}
		if c, err := k.pickCase(t.Context(), model.Open, 0); c != nil || err != nil {
			t.Errorf("pickCase returned case %+v of another user; the error is %v", c, err)
		}
	})
}
