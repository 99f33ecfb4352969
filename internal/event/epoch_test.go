package event_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
)

// failOver makes the log believe that the database moved to another cluster, which has lost the events after the
// position.
func (w *world) failOver(keeps int64) {
	w.t.Helper()
	w.exec(`WITH lost AS (DELETE FROM case_events WHERE position > ?), back AS (UPDATE feed_head SET position = least(position, ?))
		UPDATE feed_epochs SET timeline = '0000000X' WHERE id = (SELECT max(id) FROM feed_epochs)`, keeps, keeps)
}

func nonces(w *world) []string {
	return query[[]string](w, "SELECT nonce FROM feed_epochs ORDER BY id")
}

func TestEpoch(t *testing.T) {
	t.Parallel()
	t.Run("begins on another cluster", func(t *testing.T) {
		t.Parallel()
		for name, change := range map[string]string{
			"another system identifier": "UPDATE feed_epochs SET system_identifier = '7'",
			"another timeline":          "UPDATE feed_epochs SET timeline = '00000009'",
			"another database":          "UPDATE feed_epochs SET database_oid = 1",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				l := w.log()
				w.moves(w.open(), 3)
				w.head(l)
				w.exec(change)
				if head, err := l.Stamp(t.Context()); head != 4 || err != nil { // even without an event to stamp
					t.Errorf("the head is %d: %v", head, err)
				}
				w.head(l)
				if after := query[[]int64](w, "SELECT after_position FROM feed_epochs ORDER BY id"); len(after) != 2 || after[0] != 0 || after[1] != 4 {
					t.Errorf("the epochs begin after %v; want 0 and 4", after)
				}
				if n := nonces(w); n[0] == n[1] || len(n[1]) != 16 {
					t.Errorf("the epochs' nonces are %q", n)
				}
			})
		}
	})

	t.Run("keeps cursors of the old epoch valid up to its end", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		s := w.open()
		w.moves(s, 9)
		l.Wake()
		old := w.take(w.from(l, w.start(l)), 10)
		w.failOver(7)
		w.moves(s, 2) // take the positions of the lost 8 and 9
		l.Wake()
		for _, e := range old {
			_, err := l.From(t.Context(), &e.Cursor)
			if good := *e.Position <= 7; good && err != nil || !good && !is(err, fault.CodeFeedReset, "after") {
				t.Errorf("the old cursor of position %d: %v", *e.Position, err)
			}
		}
		fresh := w.take(w.from(l, &old[4].Cursor), 4)
		w.run(fresh, 6)
		for i, want := range []bool{true, true, false, false} {
			if same := fresh[i].ID == old[5+i].ID && fresh[i].Cursor == old[5+i].Cursor; same != want {
				t.Errorf("position %d is the old event and the old place: %t; want %t", *fresh[i].Position, same, want)
			}
		}
		// Positions of the new epoch: its start, and its events.
		for position, good := range map[int64]bool{6: false, 7: true, 9: true, 10: false} {
			_, err := l.From(t.Context(), w.cursor(nonces(w)[1], position))
			if good && err != nil || !good && !is(err, fault.CodeFeedReset, "after") {
				t.Errorf("position %d of the new epoch: %v", position, err)
			}
		}
		listed, err := l.List(t.Context(), filter.Unrestricted(w.ann), page.Args{After: &old[6].Cursor}, request(""))
		if err != nil || len(listed.Edges) != 2 || listed.Edges[0].Cursor != fresh[2].Cursor {
			t.Errorf("a list after the end of the old epoch: %v, %v", listed, err)
		}
	})

	t.Run("tells a live reader that events it has seen were lost", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		s := w.open()
		w.moves(s, 9)
		l.Wake()
		past := w.from(l, w.start(l))
		seen := w.take(past, 10)
		before, edge := w.from(l, &seen[4].Cursor), w.from(l, &seen[6].Cursor)
		failed := make(chan error, 1)
		go func() { // this reader waits at the head
			_, err := past.Next(t.Context())
			failed <- err
		}()
		w.failOver(7)
		l.Wake()
		if err := within(t, failed); !is(err, fault.CodeFeedReset, "after") {
			t.Errorf("a reader of what was lost: %v", err)
		}
		w.moves(s, 2)
		l.Wake()
		for name, c := range map[string]struct {
			r    *event.Reader
			n    int
			from int64
		}{"a reader that had not come so far": {before, 4, 6}, "a reader at the very end": {edge, 2, 8}} {
			got := w.take(c.r, c.n)
			w.run(got, c.from)
			for _, e := range got {
				if lost := e.ID == seen[*e.Position-1].ID; lost != (*e.Position <= 7) {
					t.Errorf("%s: position %d is the lost event: %t", name, *e.Position, lost)
				}
			}
		}
	})

	// A server that missed the beginning of several epochs learns from the first of them which events were lost.
	t.Run("clears lost events from the cache of a server that missed several", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		away, here := w.follow(w.another(4, "another"), never, 0), w.log() // no notification reaches the server `away`
		w.listening(1)
		s := w.open()
		w.moves(s, 9)
		w.head(here)
		away.Wake()
		lost := w.take(w.from(away, w.start(away)), 10)
		w.failOver(7)
		w.head(here)
		w.moves(s, 13) // 8 to 20
		w.head(here)
		w.failOver(20)
		w.head(here)
		if n := len(nonces(w)); n != 3 {
			t.Fatalf("%d epochs", n)
		}
		got := w.take(w.from(away, &lost[6].Cursor), 13)
		w.run(got, 8)
		for _, e := range got {
			if query[int64](w, "SELECT position FROM case_events WHERE id = ?", e.ID) != *e.Position {
				t.Errorf("position %d shows an event that was lost", *e.Position)
			}
		}
		if _, err := away.From(t.Context(), &lost[8].Cursor); !is(err, fault.CodeFeedReset, "after") {
			t.Errorf("a cursor of what was lost: %v", err)
		}
	})

	// A failover may lose the epoch that the failover before began. Back on the first cluster, its events after the start of
	// the lost epoch are valid again.
	t.Run("may be lost itself", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.another(4, "another"), never, 0)
		w.listening(1)
		s := w.open()
		w.moves(s, 4)
		w.head(l)
		w.failOver(5)
		w.moves(s, 2)
		l.Wake()
		seen := w.take(w.from(l, w.start(l)), 7) // 6 and 7 are events of the second cluster
		w.run(seen, 1)
		// One transaction, so that a follower finds either the old or the new state, as after a failover.
		w.must(w.db.Tx(t.Context(), func(tx *gorm.DB) error {
			for _, sql := range []string{"SELECT FROM feed_head FOR UPDATE", "DELETE FROM case_events WHERE position > 5",
				"DELETE FROM feed_epochs WHERE nonce = '" + nonces(w)[1] + "'"} {
				if err := tx.Exec(sql).Error; err != nil {
					return err
				}
			}
			for _, name := range []string{"C", "D"} {
				if _, err := s.move(tx, name); err != nil {
					return err
				}
			}
			return errors.Join(tx.Exec(`UPDATE case_events e SET position = 5 + x.n FROM (
				SELECT id, row_number() OVER (ORDER BY seq) AS n FROM case_events WHERE position IS NULL) x WHERE x.id = e.id`).Error,
				tx.Exec("UPDATE feed_epochs SET timeline = '0000000X'").Error) // events 6 and 7 of the first cluster stay
		}))
		if _, err := l.From(t.Context(), &seen[6].Cursor); !is(err, fault.CodeFeedReset, "after") {
			t.Errorf("a cursor of the lost epoch: %v", err)
		}
		got := w.take(w.from(l, &seen[4].Cursor), 2)
		w.run(got, 6)
		for i, e := range got {
			if e.ID == seen[5+i].ID {
				t.Errorf("position %d is still the event that was lost", *e.Position)
			}
		}
	})
}
