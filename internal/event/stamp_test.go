package event_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// positions returns the positions of the log, in order.
func (w *world) positions() []int64 {
	return query[[]int64](w, "SELECT position FROM case_events WHERE position IS NOT NULL ORDER BY position")
}

func upTo(n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = int64(i + 1)
	}
	return list
}

func TestStamp(t *testing.T) {
	t.Parallel()
	t.Run("gives contiguous positions from one in the order of writing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		if head, err := l.Stamp(t.Context()); head != 0 || err != nil {
			t.Fatalf("the head of an empty log is %d: %v", head, err)
		}
		a, b := w.open(), w.open()
		w.moves(a, 5)
		if head, err := l.Stamp(t.Context()); head != 7 || err != nil {
			t.Fatalf("the head of 7 events is %d: %v", head, err)
		}
		w.moves(b, 3)
		w.moves(a, 2)
		if head, err := l.Stamp(t.Context()); head != 12 || err != nil {
			t.Fatalf("the head of 12 events is %d: %v", head, err)
		}
		if got := w.positions(); !slices.Equal(got, upTo(12)) {
			t.Errorf("positions %v", got)
		}
		if query[bool](w, "SELECT EXISTS (SELECT 1 FROM case_events a JOIN case_events b ON a.position < b.position AND a.seq > b.seq)") {
			t.Error("what was written one after the other is not in that order")
		}
	})

	t.Run("reads once and writes nothing when idle", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		l := w.log()
		w.moves(w.open(), 3)
		if _, err := l.Stamp(t.Context()); err != nil {
			t.Fatal(err)
		}
		const versions = "SELECT (SELECT xmin::text FROM feed_head) || (SELECT string_agg(xmin::text, ',') FROM case_events) || (SELECT string_agg(xmin::text, ',') FROM feed_epochs)"
		before := query[string](w, versions)
		counter.Reset()
		for range 3 {
			if head, err := l.Stamp(t.Context()); head != 4 || err != nil {
				t.Fatalf("the head is %d: %v", head, err)
			}
		}
		sent := counter.Statements()
		if len(sent) != 3 || !strings.HasPrefix(sent[0], "SELECT") {
			t.Errorf("three idle stamps sent %q", sent)
		}
		if after := query[string](w, versions); after != before {
			t.Errorf("an idle stamp wrote rows: %s, then %s", before, after)
		}
	})

	t.Run("gives an uncommitted event a later position and waits for no writer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		slow, quick := w.open(), w.open()
		var late, early *model.LoggedEvent
		w.must(w.db.Tx(t.Context(), func(tx *gorm.DB) (err error) {
			if late, err = slow.move(tx, "FR"); err != nil { // its sequence number is drawn, but it is not committed yet
				return err
			}
			early = w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return quick.move(tx, "IT") })
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if head, err := l.Stamp(ctx); head != 3 || err != nil {
				t.Errorf("while a writer is under way the head is %d: %v; want 3", head, err)
			}
			return nil
		}))
		if head, err := l.Stamp(t.Context()); head != 4 || err != nil {
			t.Errorf("after its commit the head is %d: %v; want 4", head, err)
		}
		for name, c := range map[string]struct {
			e    *model.LoggedEvent
			want int64
		}{"the quick one": {early, 3}, "the slow one": {late, 4}} {
			if got := query[int64](w, "SELECT position FROM case_events WHERE id = ?", c.e.ID); got != c.want {
				t.Errorf("%s has position %d; want %d", name, got, c.want)
			}
		}
		if !query[bool](w, "SELECT (SELECT seq FROM case_events WHERE position = 3) > (SELECT seq FROM case_events WHERE position = 4)") {
			t.Error("the slow one drew its sequence later: the test shows nothing")
		}
	})

	t.Run("lets a small transaction pass the rest of a large one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		var many []*subject
		for range 2 * event.StampMost {
			many = append(many, w.open())
		}
		w.head(l)
		before := len(w.positions())
		w.must(w.db.Tx(t.Context(), func(tx *gorm.DB) error {
			for range 3 {
				for _, s := range many {
					if _, err := s.move(tx, "FR"); err != nil {
						return err
					}
				}
			}
			return nil
		}))
		small, behind := w.open(), many[len(many)-1] // the events of the second are behind those of the large transaction
		w.moves(behind, 1)
		more, err := l.StampOnce(t.Context())
		w.must(err)
		if n := len(w.positions()) - before; !more || n < event.StampMost/2 || n > event.StampMost {
			t.Errorf("a stamp gave %d positions, and more is %t", n, more)
		}
		if query[int](w, "SELECT count(*) FROM case_events WHERE case_id = ? AND position IS NOT NULL", small.Case.ID) != 1 {
			t.Error("an event of a small transaction waited for a large one")
		}
		w.head(l)
		if got := w.positions(); len(got) != before+6*event.StampMost+2 || got[len(got)-1] != int64(len(got)) {
			t.Errorf("%d positions up to %d", len(got), got[len(got)-1])
		}
		if query[bool](w, "SELECT EXISTS (SELECT 1 FROM case_events a JOIN case_events b ON a.case_id = b.case_id AND a.version < b.version AND a.position > b.position)") {
			t.Error("the events of a case are not in its order")
		}
	})

	t.Run("stamps many events of one case", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		w.moves(w.open(), 5*event.StampMost)
		if head, err := l.Stamp(t.Context()); head != 5*event.StampMost+1 || err != nil {
			t.Errorf("the head is %d: %v", head, err)
		}
	})

	t.Run("leaves no gap for what was rolled back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		s := w.open()
		back := errors.New("back")
		err := w.db.Tx(t.Context(), func(tx *gorm.DB) error {
			lost := *s
			_, err := lost.move(tx, "FR")
			return errors.Join(back, err)
		})
		if !errors.Is(err, back) {
			t.Fatal(err)
		}
		w.moves(s, 1)
		if head, err := l.Stamp(t.Context()); head != 2 || err != nil {
			t.Errorf("the head is %d: %v", head, err)
		}
		if got := w.positions(); !slices.Equal(got, upTo(2)) {
			t.Errorf("positions %v", got)
		}
	})

	// The second stamper waits for the first, and must then see the events that were committed while it waited. Otherwise
	// their reader would wait until the next stamp.
	t.Run("sees what was committed while it waited", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		s := w.open()
		stamped := make(chan int64, 1)
		w.must(w.db.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec("SELECT 1 FROM feed_head FOR UPDATE").Error; err != nil { // the first stamper
				return err
			}
			go func() {
				head, err := l.Stamp(t.Context())
				if err != nil {
					t.Error(err)
				}
				stamped <- head
			}()
			w.until("the second stamper waits", "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')")
			w.moves(s, 1)
			return nil
		}))
		if head := within(t, stamped); head != 2 {
			t.Errorf("it stamped up to %d; want 2", head)
		}
	})

	t.Run("gives each position once when many stamp at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		one, two := w.log(), w.follow(w.another(4, "another"), 0, 0)
		const writers, each = 4, 25
		var all sync.WaitGroup
		for range writers {
			s := w.open()
			all.Go(func() {
				for range each {
					err := w.db.Tx(t.Context(), func(tx *gorm.DB) error { _, err := s.move(tx, "FR"); return err })
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range 4 {
			all.Go(func() {
				last := int64(0)
				for range 25 {
					head, err := one.Stamp(t.Context())
					if i%2 == 0 {
						head, err = two.Stamp(t.Context())
					}
					if err != nil || head < last {
						t.Errorf("the head went from %d to %d: %v", last, head, err)
					}
					last = head
				}
			})
		}
		all.Wait()
		if _, err := one.Stamp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.positions(); !slices.Equal(got, upTo(writers*(each+1))) {
			t.Errorf("positions %v", got)
		}
		if n := query[int](w, "SELECT count(*) FROM feed_epochs"); n != 1 {
			t.Errorf("%d epochs began", n)
		}
	})
}
