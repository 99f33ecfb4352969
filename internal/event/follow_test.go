package event_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestFollow(t *testing.T) {
	t.Parallel()
	t.Run("goes from history to live without gap or repeat", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		old := w.open()
		w.moves(old, 1299) // takes several batches
		l := w.follow(w.db, 0, 0)
		const writers, each = 4, 50
		var all sync.WaitGroup
		for range writers {
			s := w.open()
			all.Go(func() {
				for range each {
					if err := w.db.Tx(t.Context(), func(tx *gorm.DB) error { _, err := s.move(tx, "FR"); return err }); err != nil {
						t.Error(err)
					}
					l.Wake()
				}
			})
		}
		readers := []*event.Reader{w.from(l, w.start(l)), w.from(l, w.start(l))}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for _, r := range readers {
			all.Go(func() {
				var seen []*event.Event
				for len(seen) < 1300+writers*(each+1) {
					events, err := r.Next(ctx)
					if err != nil {
						t.Errorf("after %d events: %v", len(seen), err)
						return
					}
					seen = append(seen, events...)
				}
				for i, e := range seen {
					if *e.Position != int64(i+1) {
						t.Errorf("event %d has position %d", i+1, *e.Position)
						return
					}
				}
			})
		}
		all.Wait()
	})

	t.Run("continues at another server from the same cursor", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		one, two := w.follow(w.db, 0, 0), w.follow(w.another(4, "another"), 0, 0)
		w.moves(w.open(), 9)
		first := w.take(w.from(one, w.start(one)), 10)
		w.run(first, 1)
		w.run(w.take(w.from(two, &first[3].Cursor), 6), 5)
		if last := w.from(two, &first[9].Cursor); true {
			next := w.open()
			if got := w.take(last, 1); got[0].CaseID != next.Case.ID || *got[0].Position != 11 {
				t.Errorf("after the last came position %d", *got[0].Position)
			}
		}
	})

	t.Run("bounds the cache and reads older events from the table", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		const bound = 30_000
		l := w.follow(w.db, 0, bound)
		r := w.from(l, w.start(l))
		s := w.open()
		for range 10 { // one batch each, read before the next is written
			w.moves(s, 10)
			l.Wake()
			w.take(r, 10)
		}
		first, tail, counted, bytes := l.Cached()
		if counted != bytes {
			t.Errorf("what is cached counts %d bytes, and is %d", counted, bytes)
		}
		if bytes > bound || bytes < bound/2 {
			t.Errorf("%d bytes are cached, of %d", bytes, bound)
		}
		if tail != 101 || first <= 50 || first > tail {
			t.Fatalf("positions %d to %d are cached", first, tail)
		}
		pages := func() (n int) {
			for _, sql := range counter.Statements() {
				if strings.Contains(sql, "WHERE position > $1 AND position <= $2 ORDER BY position") {
					n++
				}
			}
			return n
		}
		nonce := query[string](w, "SELECT nonce FROM feed_epochs")
		counter.Reset()
		for range 20 { // cached events cost no statement, however many readers there are
			w.run(w.take(w.from(l, w.cursor(nonce, first-1)), int(tail-first+1)), first)
		}
		if n := pages(); n != 0 {
			t.Errorf("readers of what is cached read %d pages from the table", n)
		}
		w.run(w.take(w.from(l, w.cursor(nonce, first-2)), int(tail-first+2)), first-1)
		if n := pages(); n != 1 {
			t.Errorf("a reader that begins one before what is cached reads %d pages from the table; want 1", n)
		}
		w.run(w.take(w.from(l, w.start(l)), 101), 1)
	})

	t.Run("returns an event that is larger than the cache", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 1)
		r := w.from(l, w.start(l))
		w.moves(w.open(), 5)
		l.Wake()
		w.run(w.take(r, 6), 1)
		if first, tail, _, _ := l.Cached(); first != 6 || tail != 6 {
			t.Errorf("positions %d to %d are cached; want the newest alone", first, tail)
		}
	})

	t.Run("waits until the context ends", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		r := w.from(l, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := r.Next(ctx)
			ended <- err
		}()
		cancel()
		if err := within(t, ended); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		w.open()
		l.Wake()
		w.run(w.take(r, 1), 1) // the reader keeps its position

		idle := w.log() // a log that does not follow has no cached events
		waits := w.from(idle, nil)
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if _, err := waits.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// listening waits until the servers' connections listen, because no notification reaches them before.
func (w *world) listening(n int) {
	w.t.Helper()
	w.until("the servers listen", "SELECT count(*) = ? FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'", n)
}

func TestWake(t *testing.T) {
	t.Parallel()
	t.Run("wakes the other server", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		here, there := w.follow(w.db, never, 0), w.follow(w.another(4, "another"), never, 0)
		w.listening(2)
		r := w.from(there, w.start(there))
		w.open()
		began := time.Now()
		here.Wake()
		w.take(r, 1) // without a notification it reads once an hour
		t.Logf("woken after %s", time.Since(began))
	})

	t.Run("is not needed by a server that looks by itself", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 20*time.Millisecond, 0)
		w.listening(1)
		r := w.from(l, w.start(l))
		for range 3 {
			w.open() // without a notification
			w.take(r, 1)
		}
	})

	t.Run("sends wake-ups of a moment together and never loses the last", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		here, there := w.log(), w.follow(w.another(4, "another"), never, 0)
		w.listening(1)
		r := w.from(there, w.start(there))
		counter.Reset()
		began := time.Now()
		for range 10_000 {
			here.Wake()
		}
		w.open()
		here.Wake()
		w.take(r, 1)
		here.Close() // sends the pending notification
		sent := 0
		for _, sql := range counter.Statements() {
			if strings.Contains(sql, "pg_notify") {
				sent++
			}
		}
		// One notification for each interval that passed, one that Close sends immediately, and the last.
		if most := int(time.Since(began)/event.NotifyEvery) + 2; sent == 0 || sent > most {
			t.Errorf("10,001 wake-ups were sent as %d; want 1 to %d", sent, most)
		}
	})

	t.Run("is not forgotten by a stamp that fails", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		l := w.log()
		w.open()
		l.Wake()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.StampOnce(ended); err == nil {
			t.Fatal("a stamp of a context that has ended succeeds")
		}
		counter.Reset()
		_, err := l.StampOnce(t.Context())
		w.must(err)
		for _, sql := range counter.Statements() {
			if strings.Contains(sql, "AS idle") {
				t.Errorf("the stamp asks first whether there is anything to stamp: %s", sql)
			}
		}
	})

	t.Run("makes only the other servers look", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		here, there := w.follow(w.db, never, 0), w.follow(w.another(4, "another"), never, 0)
		w.listening(2)
		r, other := w.from(here, w.start(here)), w.from(there, w.start(there))
		counter.Reset()
		for range 3 {
			w.open()
			here.Wake()
			w.take(r, 1)
			w.take(other, 1) // the notification has come
		}
		for _, sql := range counter.Statements() {
			if strings.Contains(sql, "AS idle") {
				t.Errorf("the server heard itself, and asked %s", sql)
			}
		}
	})

	t.Run("waits for the database once, for the stamp with NOTIFY and the news", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		here := w.follow(w.db, never, 0)
		w.listening(1)
		r := w.from(here, w.start(here))
		for range 3 {
			w.open()
			counter.Reset()
			here.Wake()
			w.take(r, 1)
			if waits := counter.Trips(); waits != 1 {
				t.Errorf("%d waits: %q", waits, counter.Statements())
			}
		}
	})

	for name, follows := range map[string]bool{"is sent by a command that ends": false, "is sent by a server that closes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			here, there := w.log(), w.follow(w.another(4, "another"), never, 0)
			if follows {
				here = w.follow(w.db, never, 0)
			}
			w.until("all listen", "SELECT count(*) >= 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'another' AND query LIKE 'LISTEN%' AND state = 'idle'")
			r := w.from(there, w.start(there))
			w.open()
			here.Wake()
			here.Close()
			w.take(r, 1)
			here.Wake() // after Close: no effect, and no panic
		})
	}

	t.Run("is heard again after the listener was cut", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		here, there := w.log(), w.follow(w.another(4, "another"), never, 0)
		w.listening(1)
		r := w.from(there, w.start(there))
		w.open() // without a notification: the server finds the event when it listens again
		w.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
		w.take(r, 1)
		w.listening(1)
		w.open()
		here.Wake()
		w.take(r, 1)
	})
}
