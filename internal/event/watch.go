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
	at  cursor

	// Of the events that Next gave last, for Outdated.
	from     cursor // where they begin after
	passed   string // the cursor of the last that was not outdated; empty: none yet
	erasures int64  // that the log knew of when they were read
}

// errClosed is what a reader gets when the program ends.
var errShutDown = fault.New(fault.CodeInternal, "the server is shutting down: reconnect and continue from the last cursor")

// From makes a reader that starts after the cursor, or at the head where there is none.
func (l *Log) From(ctx context.Context, after *string) (*Reader, error) {
	var at cursor
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

// Cursor is the reader's place: all up to it was given by Next, or lay before where it began.
func (r *Reader) Cursor() string { return r.at.String() }

// Next waits for the next events and moves behind them. A FEED_RESET fault says that the place was lost; other
// errors pass, and Next goes on where it was.
func (r *Reader) Next(ctx context.Context) ([]*Event, error) {
	select {
	case <-r.log.started:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.log.ctx.Done():
		return nil, errShutDown
	}
	for {
		r.log.mu.Lock()
		r.erasures = r.log.erasures.Load()
		nonce, grown := r.log.nonce(), r.log.grown
		// Against the epochs as they are now: a failover may have taken back what this reader has seen.
		valid := r.log.valid(r.at, max(r.log.tail, r.at.position))
		events, cached := r.log.fromCache(r.at.position)
		if valid && cached {
			r.moveBehind(events)
		}
		r.log.mu.Unlock()
		if !valid {
			return nil, errReset("after")
		}
		if !cached {
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
		case <-r.log.ctx.Done():
			return nil, errShutDown
		}
	}
}

// moveBehind the events; the caller holds the log's lock, so that the epoch is the one they were read in.
func (r *Reader) moveBehind(events []*Event) {
	r.from, r.passed = r.at, ""
	if len(events) > 0 {
		last := *events[len(events)-1].Position
		r.at = cursor{r.log.epochOf(last), last}
	}
}

// recall gives what memory holds after the position; false where it does not reach back that far. The caller holds
// the lock.
func (l *Log) fromCache(position int64) ([]*Event, bool) {
	if position >= l.tail {
		return nil, true
	}
	if len(l.recent) == 0 || *l.recent[0].Position > position+1 {
		return nil, false
	}
	from := int(position + 1 - *l.recent[0].Position)
	return slices.Clone(l.recent[from:min(from+batchSize, len(l.recent))]), true
}

// Request is what a watcher asks for.
type Request struct {
	After  *string
	Filter *filter.Case
	Types  []model.CaseEventType // nil: all
}

// shows tells whether the event is for the watcher, as far as its snapshots say, and whether the case matches after it.
// What a scope does not see of a case is not there: an event that brings the case in has nothing before it, and one that
// takes it out is not shown.
func (q Request) shows(e *Event, scope *filter.Scope) (matches, shown bool) {
	if q.Types != nil && !slices.Contains(q.Types, e.Type) {
		return false, false
	}
	then := filter.Of(e.Then, e.At)
	if !scope.Sees(then) {
		return false, false
	}
	matches = q.Filter.Match(then, scope.Viewer())
	switch {
	case e.Type == model.EventCustomerErased: // what the filter matched before may be what was erased
		return matches, true
	case matches || e.Was == nil:
		return matches, matches
	}
	was := filter.Of(e.Was, e.At)
	return false, scope.Sees(was) && q.Filter.Match(was, scope.Viewer())
}

// Touches tells whether the case matches the filter right before or right after the event: whether the event may have
// changed what the filter leaves. What an event does not tell of (a search, what was erased) may always have changed.
func (e *Event) Touches(f *filter.Case, viewer model.UserID) bool {
	if e.Type == model.EventCustomerErased || f.Searches() || f.Match(filter.Of(e.Then, e.At), viewer) {
		return true
	}
	return e.Was != nil && f.Match(filter.Of(e.Was, e.At), viewer)
}

// logged is the event as a reader with this scope gets it.
func (e *Event) logged(matches bool, scope *filter.Scope) *model.LoggedEvent {
	logged := &model.LoggedEvent{Event: e.Event, Then: e.Then, Matches: matches, Cursor: e.Cursor}
	if scope.Masked() {
		return logged.Masked()
	}
	return logged
}

// Watcher is a reader that hands over what a request asks for and a scope sees.
type Watcher struct {
	reader *Reader
	scope  *filter.Scope
	asked  Request
	head   cursor        // of a bounded scope: where the log was when the watch began
	seen   *currentState // of a bounded scope: how the cases stood of the events that Next gave last
}

// Watch begins after the request's place, or at the head where it names none.
func (l *Log) Watch(ctx context.Context, scope *filter.Scope, q Request) (*Watcher, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	reader, err := l.From(ctx, q.After)
	if err != nil {
		return nil, err
	}
	w := &Watcher{reader: reader, scope: scope, asked: q}
	if scope.Restricted() {
		w.head, err = l.head(ctx)
	}
	return w, err
}

// Next waits for the next events, moves behind them, and gives those that the request asks for: maybe none. While the
// database is away it waits; the place is kept. A FEED_RESET fault says that the place in the feed is lost.
func (w *Watcher) Next(ctx context.Context) ([]model.CaseEvent, error) {
	if w.scope.Restricted() {
		if err := w.reader.log.caughtUp(ctx, w.head); err != nil {
			return nil, err
		}
	}
	for {
		before := w.reader.at
		events, err := w.reader.Next(ctx)
		var shown []model.CaseEvent
		if err == nil {
			if shown, err = w.shown(ctx, events); err == nil {
				return shown, nil
			}
			w.reader.at = before
		}
		if ctx.Err() != nil || w.reader.log.ctx.Err() != nil || fault.Is(err, fault.CodeFeedReset) {
			return nil, err
		}
		select {
		case <-time.After(w.reader.log.lookEvery):
		case <-ctx.Done():
		}
	}
}

func (w *Watcher) shown(ctx context.Context, events []*Event) (shown []model.CaseEvent, err error) {
	w.seen = nil
	for _, e := range events {
		matches, ok := w.asked.shows(e, w.scope)
		if ok && w.scope.Restricted() {
			if w.seen == nil {
				w.seen = w.reader.log.currentStateOf(events)
			}
			if ok, err = w.reader.log.seesNow(ctx, w.scope, e, w.seen); err != nil {
				return nil, err
			}
		}
		if ok {
			shown = append(shown, e.logged(matches, w.scope).Typed())
		}
	}
	return shown, nil
}

// Outdated tells, right before an event that Next gave is shown, whether a customer was erased meanwhile, or the case
// has left the scope. The watcher is then before that event again, and Next gives what is to be shown now.
func (w *Watcher) Outdated(e model.CaseEvent) bool {
	if w.scope.Restricted() && w.reader.log.mayBeOutOfScope(w.scope, e.Logged().CaseID, w.seen) {
		w.reader.rewind()
		return true
	}
	return w.reader.Outdated(e.Logged().Cursor)
}

// Revision changes when this server learns that customers were erased: what was made of events before may name them.
func (w *Watcher) Revision() int64 { return w.reader.log.Revision() }

// Place is where the watcher has got to.
func (w *Watcher) Position() (position int64, cursor string) {
	return w.reader.at.position, w.reader.at.String()
}

// Newest tells whether there is nothing that the watcher has not yet handed over, as far as this server knows.
func (w *Watcher) Newest() bool {
	l := w.reader.log
	l.mu.Lock()
	defer l.mu.Unlock()
	return w.reader.at.position >= l.tail
}
