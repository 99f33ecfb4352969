package event_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pgtest"
)

// journal collects the log messages of the level of an outage and above.
type journal chan string

func (j journal) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (j journal) Handle(_ context.Context, r slog.Record) error {
	text := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	j <- text
	return nil
}
func (j journal) WithAttrs([]slog.Attr) slog.Handler { return j }
func (j journal) WithGroup(string) slog.Handler      { return j }

func (j journal) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-j:
		return line
	case <-time.After(patience):
		t.Fatal("nothing was logged")
		return ""
	}
}

func TestOutage(t *testing.T) {
	t.Parallel()
	t.Run("is logged once and the feed continues after it", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		lines := make(journal, 1000)
		l := event.New(w.db, slog.New(lines))
		l.Tune(5*time.Millisecond, 0)
		l.Follow()
		t.Cleanup(l.Close)
		<-l.Started()
		w.open()
		r := w.from(l, w.start(l))
		w.run(w.take(r, 1), 1)

		w.exec("ALTER TABLE feed_head RENAME TO feed_gone")
		if line := lines.next(t); !strings.HasPrefix(line, "ERROR") {
			t.Errorf("the first line of the outage is %q", line)
		}
		w.open()
		counter.Reset()
		for end := time.Now().Add(patience); counter.Count() < 5; time.Sleep(time.Millisecond) { // it keeps retrying without logging
			if time.Now().After(end) {
				t.Fatal("it has given up")
			}
		}
		w.exec("ALTER TABLE feed_gone RENAME TO feed_head")
		w.run(w.take(r, 1), 2)
		if line := lines.next(t); !strings.HasPrefix(line, "INFO") {
			t.Errorf("after the first line of the outage comes %q; want that it is over", line)
		}
	})

	// A gap cannot happen. If there were one, the feed must neither skip it silently nor retry without a pause.
	t.Run("by a gap in the log stops the feed and is logged", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		lines := make(journal, 1000)
		l := event.New(w.db, slog.New(lines))
		l.Tune(never, 0)
		l.Follow()
		t.Cleanup(l.Close)
		<-l.Started()
		w.listening(1)
		s := w.open()
		r := w.from(l, w.start(l))
		l.Wake()
		w.run(w.take(r, 1), 1)
		// One transaction, so that a late notification does not make l read the log before the gap is made.
		w.must(w.db.Tx(t.Context(), func(tx *gorm.DB) error {
			for _, name := range []string{"A", "B", "C"} {
				if _, err := s.move(tx, name); err != nil {
					return err
				}
			}
			return errors.Join(tx.Exec(`UPDATE case_events e SET position = 1 + x.n FROM (
				SELECT id, row_number() OVER (ORDER BY seq) AS n FROM case_events WHERE position IS NULL) x WHERE x.id = e.id`).Error,
				tx.Exec("UPDATE feed_head SET position = 4").Error, tx.Exec("DELETE FROM case_events WHERE position = 2").Error)
		}))
		l.Wake()
		if line := lines.next(t); !strings.HasPrefix(line, "ERROR") || !strings.Contains(line, "a gap after 1") {
			t.Errorf("the gap was logged as %q", line)
		}
		if _, tail, _, _ := l.Cached(); tail != 1 {
			t.Errorf("the feed went over the gap to %d", tail)
		}
	})
}
