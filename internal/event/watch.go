package event

import (
	"context"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// Reader is one place in the log that moves forward at its own pace. It holds nobody up and has no buffer: what it
// has not asked for is in the server's memory or in the table.
type Reader struct {
	log *Log
	at  place
}

// From makes a reader that starts after the cursor, or at the head where there is none.
func (l *Log) From(ctx context.Context, after *string) (*Reader, error) {
	var at place
	var err error
	if after == nil {
		at, err = l.head(ctx)
	} else {
		at, err = l.locate(ctx, "after", *after)
	}
	if err != nil {
		return nil, err
	}
	return &Reader{log: l, at: at}, nil
}

// Next waits for the next events and moves behind them. A FEED_RESET fault says that the place was lost; other
// errors pass, and Next goes on where it was.
func (r *Reader) Next(ctx context.Context) ([]*Event, error) {
	select {
	case <-r.log.started:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		r.log.mu.Lock()
		nonce, grown := r.log.nonce(), r.log.grown
		// Against the epochs as they are now: a failover may have taken back what this reader has seen.
		good := r.log.good(r.at, max(r.log.tail, r.at.position))
		events, remembered := r.log.recall(r.at.position)
		if good && remembered {
			r.moveBehind(events)
		}
		r.log.mu.Unlock()
		if !good {
			return nil, lost("after")
		}
		if !remembered {
			var err error
			if events, err = r.log.after(ctx, r.at.position, batchSize); err != nil {
				return nil, err
			}
			r.log.mu.Lock()
			still := r.log.nonce() == nonce
			if still {
				r.moveBehind(events)
			}
			r.log.mu.Unlock()
			if !still {
				continue // an epoch began meanwhile: what was read may be lost
			}
		}
		if len(events) > 0 {
			return events, nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// moveBehind the events; the caller holds the log's lock, so that the epoch is the one they were read in.
func (r *Reader) moveBehind(events []*Event) {
	if len(events) > 0 {
		last := *events[len(events)-1].Position
		r.at = place{r.log.epochOf(last), last}
	}
}

// recall gives what memory holds after the position; false where it does not reach back that far. The caller holds
// the lock.
func (l *Log) recall(position int64) ([]*Event, bool) {
	if position >= l.tail {
		return nil, true
	}
	if len(l.memory) == 0 || *l.memory[0].Position > position+1 {
		return nil, false
	}
	from := int(position + 1 - *l.memory[0].Position)
	return slices.Clone(l.memory[from:min(from+batchSize, len(l.memory))]), true
}

// Request is what a watcher asks for.
type Request struct {
	After  *string
	Filter *filter.Case
	Types  []model.CaseEventType // nil: all
}

// shows tells whether the event is for the watcher, and whether the case matches after it.
func (q Request) shows(e *Event, viewer model.UserID) (matches, shown bool) {
	if q.Types != nil && !slices.Contains(q.Types, e.Type) {
		return false, false
	}
	matches = q.Filter.Match(filter.Of(e.Then, e.At), viewer)
	return matches, matches || (e.Was != nil && q.Filter.Match(filter.Of(e.Was, e.At), viewer))
}

func (e *Event) logged(matches bool) *model.LoggedEvent {
	return &model.LoggedEvent{Event: e.Event, Then: e.Then, Matches: matches, Cursor: e.Cursor}
}

// Watch hands over the events that the request asks for, as they happen, until ctx ends or the place in the feed is
// lost: then it tells fail, and closes the channel. The channel has no buffer: a watcher that does not take falls
// behind, alone.
func (l *Log) Watch(ctx context.Context, viewer model.UserID, q Request, fail func(context.Context, error)) (<-chan model.CaseEvent, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	reader, err := l.From(ctx, q.After)
	if err != nil {
		return nil, err
	}
	watched := make(chan model.CaseEvent)
	l.starting.Lock()
	defer l.starting.Unlock()
	if l.closed { // nobody would wait for it
		close(watched)
		return watched, nil
	}
	l.tasks.Go(func() {
		defer close(watched)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(l.ctx, cancel)()
		for {
			events, err := reader.Next(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case fault.Is(err, fault.FeedReset):
				fail(ctx, err)
				return
			case err != nil: // the database is away; the place is kept
				select {
				case <-time.After(l.lookEvery):
					continue
				case <-ctx.Done():
					return
				}
			}
			for _, e := range events {
				matches, shown := q.shows(e, viewer)
				if !shown {
					continue
				}
				select {
				case watched <- e.logged(matches).Typed():
				case <-ctx.Done():
					return
				}
			}
		}
	})
	return watched, nil
}
