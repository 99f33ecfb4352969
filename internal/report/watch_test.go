package report_test

import (
	"context"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	t.Run("returns the current figures and follows events", func(t *testing.T) {
		t.Parallel()
		w := newWatched(t, 50)
		x := w.open(nil)
		one, closed := w.watch(``), w.watch(`{"status": ["CLOSED"]}`)
		at := w.recount(nil, model.UserID{})
		first := next(t, one)
		if first.Open != at.Open || first.InProgress != at.InProgress || first.Closed != at.Closed || first.Total != at.Total || first.Overdue != at.Overdue {
			t.Errorf("the first figures are %+v; want %+v", first, at)
		}
		if s := next(t, closed); s.Total != at.Closed {
			t.Errorf("the figures of closed cases are %+v, want %d", s, at.Closed)
		}
		w.setStatus(x, model.Closed)
		s := next(t, one)
		if s.Open != at.Open-1 || s.Closed != at.Closed+1 || s.Total != at.Total {
			t.Errorf("after a case was closed the figures are %+v, before that %+v", s, first)
		}
		if s := next(t, closed); s.Total != at.Closed+1 {
			t.Errorf("the figures of closed cases are %+v, want %d", s, at.Closed+1)
		}
		w.setStatus(x, model.Open) // the case leaves the filter, which its previous status matched
		if s := next(t, closed); s.Total != at.Closed {
			t.Errorf("the figures of closed cases are %+v, want %d", s, at.Closed)
		}
		// The figures include every event up to their cursor, so the feed after the cursor has the last change.
		r, err := w.log.From(t.Context(), &s.Cursor)
		if err != nil {
			t.Fatal(err)
		}
		if events, err := r.Next(t.Context()); err != nil || events[len(events)-1].Then.Case.Status != model.Open {
			t.Errorf("after the cursor the feed has %v, %v, want the reopened case last", events, err)
		}
	})

	t.Run("shares one count between equal watches", func(t *testing.T) {
		t.Parallel()
		w := newWatched(t, 20)
		x := w.open(nil)
		var same []*report.Watch
		for user := range 2 {
			for range 10 {
				same = append(same, w.watchAs(w.as(user), `{"status": ["OPEN"]}`, false))
			}
		}
		if w.reports.Boards() != 1 || w.counts() != 1 {
			t.Errorf("20 equal watches have %d boards, counted %d times; want 1 and 1", w.reports.Boards(), w.counts())
		}
		for _, one := range same {
			if next(t, one) == nil {
				t.Error("a watch got no figures")
			}
		}
		w.counter.Reset()
		w.setStatus(x, model.InProgress)
		figures := next(t, same[0])
		for _, one := range same[1:] {
			if next(t, one) != figures {
				t.Error("two watches of one board got different figures")
			}
		}
		if w.counts() != 1 {
			t.Errorf("after one event the board counted %d times, want once: %q", w.counts(), w.counter.Statements())
		}
		// A watch with another filter or view has a board of its own.
		manager := *w.users[1]
		manager.Role = model.Manager
		ann, bob := w.watchAs(w.as(0), `{"mine": true}`, false), w.watchAs(w.as(1), `{"mine": true}`, false)
		another := w.watchAs(auth.Viewer{User: &manager}, `{"status": ["OPEN"]}`, false)
		for user, one := range map[model.UserID]*report.Watch{w.users[0].ID: ann, w.users[1].ID: bob} {
			if s, want := next(t, one), w.recount(caseFilter(t, `{"mine": true}`), user); s.Total != want.Total || s.Open != want.Open {
				t.Errorf("the viewer's own cases are %+v; want %+v", s, want)
			}
		}
		if next(t, another).Open != figures.Open || w.reports.Boards() != 4 {
			t.Errorf("there are %d boards, want 4", w.reports.Boards())
		}
	})

	t.Run("counts many events together", func(t *testing.T) {
		t.Parallel()
		w := newWatched(t, 0)
		var all []*filter.Subject
		for range 60 {
			all = append(all, w.open(nil))
		}
		const interval = 50 * time.Millisecond
		w.reports.Tune(interval, never)
		one := w.watch(``)
		next(t, one)
		start := time.Now()
		for _, x := range all {
			w.setStatus(x, model.Closed)
		}
		until(t, one, func(s *report.CaseSummary) bool { return s.Closed == 60 })
		// The bound grows with the time that the machine took: at most one count in each interval.
		if n, elapsed := w.counts(), time.Since(start); n > 3+int(elapsed/interval) {
			t.Errorf("the board counted %d times in %v, want at most once in %v", n, elapsed, interval)
		}
	})

	t.Run("skips equal figures unless each is true", func(t *testing.T) {
		t.Parallel()
		w := newWatched(t, 5)
		x, y := w.open(nil), w.open(nil)
		one, each := w.watch(``), w.watchAs(w.as(0), ``, true)
		first := next(t, one)
		next(t, each)
		w.setStatus(x, model.Open) // an event that changes no figure
		if again := next(t, each); again.Open != first.Open || again.Offset() <= first.Offset() {
			t.Errorf("after an event the figures are %+v, before it %+v; want equal figures with a higher offset", again, first)
		}
		if !one.Newest() {
			t.Error("Next would return equal figures again")
		}
		w.setStatus(y, model.Closed)
		if s := next(t, one); s.Closed != first.Closed+1 {
			t.Errorf("after a case was closed the figures are %+v, before it %+v", s, first)
		}
		// A board whose filter the event does not touch does not count.
		elsewhere := w.watch(`{"customer": {"country": {"eq": "SE"}}}`)
		next(t, elsewhere)
		w.counter.Reset()
		w.setStatus(y, model.Open)
		next(t, one)
		if w.counts() != 1 {
			t.Errorf("the boards counted %d times, want once", w.counts())
		}
	})

	t.Run("counts again as time passes", func(t *testing.T) {
		t.Parallel()
		w := newWatched(t, 0)
		due := now.Add(time.Hour).Truncate(time.Microsecond)
		w.open(&due)
		w.reports.Tune(never, 20*time.Millisecond) // a count after an event would be too late
		one, soon := w.watch(``), w.watch(`{"dueAt": {"withinNext": "PT30M"}}`)
		if a, b := next(t, one), next(t, soon); a.Overdue != 0 || b.Total != 0 {
			t.Errorf("an hour before the target the figures are %+v and %+v", a, b)
		}
		w.clock.Store(int64(45 * time.Minute))
		if s := next(t, soon); s.Total != 1 {
			t.Errorf("15 minutes before the target the figures of cases due soon are %+v", s)
		}
		w.clock.Store(int64(time.Hour + time.Second))
		if s := next(t, one); s.Overdue != 1 || s.Total != 1 {
			t.Errorf("a second after the target the figures are %+v", s)
		}
		if s := next(t, soon); s.Total != 0 {
			t.Errorf("a second after the target the figures of cases due soon are %+v", s)
		}
	})

	t.Run("ends the board after its last watcher", func(t *testing.T) {
		t.Parallel()
		w := newWatched(t, 3)
		ctx, cancel := context.WithCancel(t.Context())
		one, err := w.reports.Watch(ctx, w.as(0), nil, false)
		if err != nil {
			t.Fatal(err)
		}
		next(t, one)
		cancel()
		for end := time.Now().Add(patience); w.reports.Boards() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the board still exists without a watcher")
			}
		}
		w.reports.Close()
		if _, err := w.reports.Watch(t.Context(), w.as(0), nil, false); !fault.Is(err, fault.CodeInternal) {
			t.Errorf("Watch after Close: got %v, want INTERNAL", err)
		}
	})

	// A board retries only while the database is away. Any other error ends the watch.
	t.Run("ends when the count fails", func(t *testing.T) {
		t.Parallel()
		w := newWatched(t, 3)
		x := w.open(nil)
		one := w.watch(``)
		next(t, one)
		if err := w.db.Exec("ALTER TABLE cases RENAME COLUMN first_follow_up_at TO gone").Error; err != nil {
			t.Fatal(err)
		}
		w.setStatus(x, model.Closed)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if s, err := one.Next(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("Next returned %+v, %v, want the error of the count", s, err)
		}
		if _, err := w.reports.Watch(ctx, w.as(0), nil, false); err == nil || ctx.Err() != nil {
			t.Errorf("a later Watch returned %v, want the error of the count", err)
		}
		if err := w.db.Exec("ALTER TABLE cases RENAME COLUMN gone TO first_follow_up_at").Error; err != nil {
			t.Fatal(err)
		}
		if s := next(t, w.watch(``)); s.Closed == 0 {
			t.Errorf("after the repair the figures are %+v, want closed cases", s)
		}
	})

	// A failover can take back events that the server has read. The board must continue with the new log.
	t.Run("continues after the log lost the position", func(t *testing.T) {
		t.Parallel()
		w := newWatched(t, 0)
		x, y := w.open(nil), w.open(nil)
		w.setStatus(x, model.InProgress)
		one := w.watch(``)
		next(t, one)
		w.setStatus(x, model.Closed)
		until(t, one, func(s *report.CaseSummary) bool { return s.Closed == 1 })
		// The failover loses the last event and takes back its position.
		err := w.db.Exec(`WITH lost AS (DELETE FROM case_events WHERE position > 1), back AS (UPDATE feed_head SET position = 1)
		UPDATE feed_epochs SET timeline = '0000000X' WHERE id = (SELECT max(id) FROM feed_epochs)`).Error
		if err != nil {
			t.Fatal(err)
		}
		w.setStatus(y, model.Closed)
		s := until(t, one, func(s *report.CaseSummary) bool { return s.Closed == 2 })
		if _, err := w.log.From(t.Context(), &s.Cursor); err != nil {
			t.Errorf("the cursor of the figures is not valid: %v", err)
		}
	})
}
