package event

import (
	"context"
	"fmt"
	"time"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/model"
)

// Follow keeps this server at the head of the log: it stamps, reads what is new once for all who watch, and wakes
// them. It ends with Close.
func (l *Log) Follow() {
	l.tasks.Go(l.listen)
	l.tasks.Go(l.follow)
}

func (l *Log) follow() {
	job.Every(l.ctx, l.lookEvery, l.wake.Wake, job.Task{
		Trouble:   "the feed cannot read the database; it goes on where it was when that is back",
		Recovered: "the feed reads the database again",
		Log:       l.log,
		Do:        func(ctx context.Context) (more bool, err error) { return false, l.catchUp(ctx) },
	})
}

func (l *Log) catchUp(ctx context.Context) error {
	head, err := l.Stamp(ctx)
	if err != nil {
		return err
	}
	select {
	case <-l.started:
	default: // what is older than our start is read from the table by whoever asks for it
		l.mu.Lock()
		l.tail = head
		l.mu.Unlock()
		close(l.started)
	}
	for {
		l.mu.Lock()
		tail, nonce := l.tail, l.nonce()
		l.mu.Unlock()
		if tail >= head {
			return nil
		}
		events, err := l.after(ctx, tail, batchSize)
		if err != nil {
			return err
		}
		current, err := l.remember(events, nonce)
		if err != nil {
			return err
		}
		if !current {
			return l.catchUp(ctx) // an epoch began meanwhile: what was read may be lost
		}
		if len(events) == 0 || *events[0].Position != tail+1 {
			return fmt.Errorf("the log has a gap after %d, its head is at %d", tail, head)
		}
	}
}

// remember takes the next events in, if they continue what is there; not current where the newest epoch is not the
// one that they were read in. What it remembers of customers whom they erase is scrubbed before anybody is woken.
func (l *Log) remember(events []*Event, nonce string) (current bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nonce() != nonce {
		return false, nil
	}
	if len(events) == 0 || *events[0].Position != l.tail+1 {
		return true, nil
	}
	if err := l.scrub(events); err != nil {
		return false, err
	}
	for _, e := range events {
		l.memory = append(l.memory, e)
		l.remembers(e)
		l.bytes += e.size()
		l.tail = *e.Position
	}
	drop := 0
	for l.bytes > l.memoryBytes && drop < len(l.memory)-1 {
		l.bytes -= l.memory[drop].size()
		l.forgets(l.memory[drop])
		drop++
	}
	if drop > 0 {
		l.memory = append([]*Event(nil), l.memory[drop:]...)
	}
	l.announce()
	return true, nil
}

// size is roughly what the event costs in memory: its JSON, and as much again decoded.
func (e *Event) size() int { return 512 + 2*(len(e.Snapshot)+len(e.Before)) }

// announce wakes all readers; the caller holds the lock.
func (l *Log) announce() {
	close(l.grown)
	l.grown = make(chan struct{})
}

// after reads a page of the log from the table.
func (l *Log) after(ctx context.Context, position int64, limit int) ([]*Event, error) {
	var rows []model.Event
	err := l.db.Gorm.WithContext(ctx).Raw(
		"SELECT * FROM case_events WHERE position > ? ORDER BY position LIMIT ?", position, limit).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return l.decodeAll(rows)
}

func (l *Log) decodeAll(rows []model.Event) ([]*Event, error) {
	events := make([]*Event, len(rows))
	for i := range rows {
		then, was, err := decode(&rows[i])
		if err != nil {
			return nil, err
		}
		events[i] = &Event{Event: rows[i], Cursor: l.cursorOf(*rows[i].Position), Then: then, Was: was}
	}
	return events, nil
}

// listen waits for NOTIFY on a connection of its own, and comes back with growing patience when it is lost.
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
	pooled, err := l.db.Pool.Acquire(ctx)
	if err != nil {
		return false
	}
	conn := pooled.Hijack() // a pool would wait for a connection that listens, when it closes
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return false
	}
	l.wake.Send() // what came before we listened
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return heard
		}
		heard = true
		l.wake.Send()
	}
}
