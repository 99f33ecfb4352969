package event

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/model"
)

// Follow keeps this server at the head of the log: it stamps, reads new events once for all readers, and wakes the
// readers. It ends with Close.
func (l *Log) Follow() {
	l.starting.Lock()
	l.follows = true
	l.starting.Unlock()
	l.tasks.Go(l.listen)
	l.tasks.Go(l.follow)
}

func (l *Log) follow() {
	job.Every(l.ctx, l.lookEvery, l.wake.Wake, job.Task{
		Trouble:   "the feed cannot read the database; it continues from the same position when the database is back",
		Recovered: "the feed reads the database again",
		Log:       l.log,
		Do:        func(ctx context.Context) (more bool, err error) { return false, l.catchUp(ctx) },
	})
	if !l.fresh.Load() {
		return
	}
	// A commit has been made that other servers must hear of; without the stamp they look a second later.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), time.Second)
	defer cancel()
	_, _, _ = l.stampSome(ctx, nil)
}

func (l *Log) catchUp(ctx context.Context) error {
	l.mu.Lock()
	l.pages.dropIdle(time.Now())
	l.mu.Unlock()
	select {
	case <-l.started:
	default: // events before the start are not cached; readers get them from the table
		head, err := l.Stamp(ctx)
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.tail = head
		l.mu.Unlock()
		close(l.started)
	}
	for more := true; more; { // what a stamp gives positions is read before the next stamp
		l.mu.Lock()
		n := news{after: l.tail}
		l.mu.Unlock()
		head, left, err := l.stampSome(ctx, &n)
		if err != nil {
			return err
		}
		if more, err = left, l.readUpTo(ctx, head, n); err != nil {
			return err
		}
	}
	return nil
}

// readUpTo reads the events up to the head into the cache, and wakes the readers. The first of them may have been read with the
// stamp.
func (l *Log) readUpTo(ctx context.Context, head cursor, first news) error {
	for {
		l.mu.Lock()
		tail, nonce := l.tail, l.nonce()
		l.mu.Unlock()
		if tail >= head.position {
			return nil
		}
		n, err := first, error(nil)
		first = news{}
		if n.follow(tail) {
			nonce = head.nonce
		} else if n, err = l.readNews(ctx, tail); err != nil {
			return err
		}
		events, err := l.decodeNews(n)
		if err != nil {
			return err
		}
		current, err := l.cache(events, nonce)
		if err != nil {
			return err
		}
		if !current {
			return l.catchUp(ctx) // an epoch began meanwhile: the events that were read may be lost
		}
		if len(events) == 0 || *events[0].Position != tail+1 {
			return fmt.Errorf("the log has a gap after %d, its head is at %d", tail, head.position)
		}
	}
}

// cache adds the next events if they continue the cached ones. It returns false if the newest epoch is not the one in
// which they were read. Cached events of customers whom the new events erase are redacted before any reader is woken.
func (l *Log) cache(events []*Event, nonce string) (current bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nonce() != nonce {
		return false, nil
	}
	if len(events) == 0 || *events[0].Position != l.tail+1 {
		return true, nil
	}
	if err := l.redact(events); err != nil {
		return false, err
	}
	for _, e := range events {
		l.recent = append(l.recent, e)
		l.indexNewest(e)
		l.bytes += e.size()
		l.tail = *e.Position
		if old := len(l.recent) - 1 - keptEvents; old >= 0 {
			l.recent[old].forget()
		}
	}
	drop := 0
	for l.bytes > l.cacheBytes && drop < len(l.recent)-1 {
		l.bytes -= l.recent[drop].size()
		l.unindexNewest(l.recent[drop])
		drop++
	}
	if drop > 0 {
		l.recent = append([]*Event(nil), l.recent[drop:]...)
	}
	l.announce()
	return true, nil
}

// size estimates the event's memory: its JSON, and as much again for the decoded snapshots.
func (e *Event) size() int { return 512 + 2*(len(e.Snapshot)+len(e.Before)) }

// announce wakes all readers. The caller holds the lock.
func (l *Log) announce() {
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *Log) decodeAll(rows []*model.Event) ([]*Event, error) {
	events := make([]*Event, len(rows))
	for i := range rows {
		runtime.Gosched() // thousands of rows take long: who has little to do goes first
		then, was, err := decode(rows[i])
		if err != nil {
			return nil, err
		}
		events[i] = &Event{Event: *rows[i], Cursor: l.cursorOf(*rows[i].Position), Then: then, Was: was}
	}
	return events, nil
}

// listen waits for NOTIFY on its own connection. When the connection is lost it reconnects, with growing pauses.
func (l *Log) listen() {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		heard := l.listenOnce(l.ctx)
		if l.ctx.Err() != nil {
			return
		}
		if heard {
			pause = 100 * time.Millisecond
		}
		select {
		case <-time.After(pause):
		case <-l.ctx.Done():
			return
		}
	}
}

func (l *Log) listenOnce(ctx context.Context) (heard bool) {
	pooled, err := l.feed.Pool.Acquire(ctx)
	if err != nil {
		return false
	}
	conn := pooled.Hijack() // otherwise closing the pool would wait for this connection
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return false
	}
	l.wake.Send() // for events that came before LISTEN
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return heard
		}
		heard = true
		if n.Payload != l.name { // else this server has stamped
			l.wake.Send()
		}
	}
}
