package event_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// reads counts the pages that were read from the table.
func reads(c *pgtest.Counter) (n int) {
	for _, sql := range c.Statements() {
		if strings.Contains(sql, "WHERE position > $1 AND position <= $2 ORDER BY position") {
			n++
		}
	}
	return n
}

// behind makes a log whose cache holds the newest event alone, with n events of one case in it. It reads nothing by itself.
func (w *world) behind(n, pageBytes int) (*event.Log, *subject) {
	w.t.Helper()
	l := event.New(w.db, nil)
	l.Tune(never, 1)
	if pageBytes > 0 {
		l.TunePages(pageBytes)
	}
	l.Follow()
	w.t.Cleanup(l.Close)
	<-l.Started()
	w.listening(1)
	s := w.named(n - 2)
	w.read(l, int64(n))
	return l, s
}

// read waits until the server has read the log up to a position.
func (w *world) read(l *event.Log, position int64) {
	w.t.Helper()
	l.Wake()
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		if _, tail, _, _ := l.Cached(); tail == position {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("the server has not read the log up to %d", position)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	t.Run("are read once for all readers wherever they begin", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		const events = 1150
		l, _ := w.behind(events, 0)
		start, nonce := w.start(l), query[string](w, "SELECT nonce FROM feed_epochs")
		var readers []*event.Reader
		var from []int64
		for i := range int64(20) {
			readers, from = append(readers, w.from(l, start), w.from(l, w.cursor(nonce, 37*i))), append(from, 0, 37*i)
		}
		counter.Reset()
		var all sync.WaitGroup
		for i, r := range readers {
			all.Go(func() { w.run(w.take(r, events-int(from[i])), from[i]+1) })
		}
		all.Wait()
		if n := reads(counter); n != 6 {
			t.Errorf("40 readers of 6 pages read the table %d times", n)
		}
		if events, err := l.Since(t.Context(), 250); err != nil || *events[0].Position != 251 || reads(counter) != 6 {
			t.Errorf("a reader with a position of its own got %v (%v), after %d reads", events, err, reads(counter))
		}
	})

	t.Run("are kept within their bound and only while somebody needs them", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		const bound = 2 << 20
		l, _ := w.behind(1500, bound)
		r := w.from(l, w.start(l))
		for seen := 0; seen < 1500; {
			events := w.take(r, 1)
			w.run(events, int64(seen+1))
			seen += len(events)
			if n, counted, bytes := l.Pages(); counted != bytes || bytes > bound {
				t.Fatalf("%d pages count %d bytes and have %d, of %d", n, counted, bytes, bound)
			}
		}
		n, _, bytes := l.Pages()
		if n < 2 || bytes < bound/2 {
			t.Errorf("in the end %d pages of %d bytes are kept", n, bytes)
		}
		l.DropIdlePages(event.PageIdle / 2)
		if still, _, _ := l.Pages(); still != n {
			t.Errorf("%d of %d pages are kept although they were just read", still, n)
		}
		l.DropIdlePages(event.PageIdle)
		if n, counted, _ := l.Pages(); n != 0 || counted != 0 {
			t.Errorf("%d pages are kept that nobody needs, and count %d bytes", n, counted)
		}
	})

	t.Run("of an erased customer are not shown again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l, s := w.behind(500, 0)
		if all := textOf(t, w.take(w.from(l, w.start(l)), 500)[1]); !strings.Contains(all, person) {
			t.Fatalf("the server never knew her: %s", all)
		}
		late := w.from(l, w.start(l))
		first := w.take(late, 1) // before the erasure; the reader asks again before it shows them
		w.erase(s)
		w.read(l, 501)
		if !late.Outdated(first[0].Cursor) {
			t.Error("a reader may show what it read before the erasure")
		}
		for _, r := range []*event.Reader{late, w.from(l, w.start(l))} {
			events := w.take(r, 501)
			w.run(events, 1)
			for _, e := range events {
				if all := textOf(t, e); strings.Contains(strings.ToLower(all), strings.ToLower(person)) {
					t.Fatalf("position %d shows the name: %s", *e.Position, all)
				}
			}
		}
	})

	t.Run("are read by another when their reader leaves", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l, _ := w.behind(100, 0)
		leaves, stays := w.from(l, w.start(l)), w.from(l, w.start(l))
		waiting := func() { // one reader waits for the lock; what else waits for it, such as a stamp, does not matter
			w.until("the page is read", "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'SELECT % FROM %case\\_events% WHERE %position > %'")
		}
		got := make(chan []*event.Event, 1)
		w.must(w.db.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec("LOCK TABLE case_events IN ACCESS EXCLUSIVE MODE").Error; err != nil {
				return err
			}
			ctx, leave := context.WithCancel(t.Context())
			left := make(chan error, 1)
			go func() {
				_, err := leaves.Next(ctx)
				left <- err
			}()
			waiting()
			go func() {
				events, err := stays.Next(t.Context())
				if err != nil {
					t.Error(err)
				}
				got <- events
			}()
			asleep(t, "event.(*Log).pageAfter(", 1)
			leave()
			if err := within(t, left); !errors.Is(err, context.Canceled) {
				t.Errorf("the reader that left got %v", err)
			}
			waiting()
			return nil
		}))
		w.run(within(t, got), 1)
	})
}

// asleep waits until n goroutines wait in a select of a function.
func asleep(t *testing.T, function string, n int) {
	t.Helper()
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		stacks, found := make([]byte, 8<<20), 0
		for _, one := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			head, rest, _ := strings.Cut(one, "\n")
			if in, _, _ := strings.Cut(rest, "\n"); strings.Contains(head, "[select") && strings.Contains(in, function) {
				found++
			}
		}
		if found >= n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d goroutines wait in %s", found, n, function)
		}
	}
}

// Not parallel: it counts the goroutines that wait for the head.
func TestHeadIsReadOnceForAllWhoAskAtOnceAndIsNeverOlderThanTheQuestion(t *testing.T) {
	counter := new(pgtest.Counter)
	w := newWorld(t, pgtest.WithTracer(counter))
	l := w.log()
	s := w.open()
	old := w.head(l)
	give := l.TakeStampTurn()
	const callers = 50
	heads := make(chan string, callers)
	w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.move(tx, "FR") })
	for range callers {
		go func() {
			head, err := l.Head(t.Context())
			if err != nil {
				t.Error(err)
			}
			heads <- head
		}()
	}
	asleep(t, "shared.(*Question[...]).await(", callers)
	counter.Reset()
	give()
	first := within(t, heads)
	for range callers - 1 {
		if head := within(t, heads); head != first || head == *old {
			t.Errorf("one got the head %s, another %s; before the last event it was %s", first, head, *old)
		}
	}
	looks := func() (n int) {
		for _, sql := range counter.Statements() {
			if strings.Contains(sql, "FROM feed_head h CROSS JOIN") {
				n++
			}
		}
		return n
	}
	if n := looks(); n != 1 {
		t.Errorf("%d who asked at once looked at the head %d times", callers, n)
	}
	w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.move(tx, "DE") })
	if head := w.head(l); *head == first || looks() != 2 {
		t.Errorf("who asks later gets %s after %d looks, the others got %s", *head, looks(), first)
	}
}
