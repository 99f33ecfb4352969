package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

// Reader is a cursor in the log that moves forward at its own pace. It delays no other reader and has no buffer: events
// that it has not asked for stay in the server's cache or in the table.
type Reader struct {
	log *Log
	at  cursor

	// About the events that Next returned last, for Outdated.
	from     cursor // the cursor that they follow
	passed   string // the cursor of the last one that was not outdated; empty if none was asked about
	revision int64  // Log.revision when they were read
}

// errShutDown is what a reader gets when the server shuts down.
var errShutDown = fault.New(fault.CodeInternal, "the server is shutting down: reconnect and continue from the last cursor")

// From returns a reader that starts after the cursor, or at the head if there is none.
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

// Cursor returns the reader's cursor: Next has returned all events up to it since the reader began.
func (r *Reader) Cursor() string { return r.at.String() }

// Next waits for the next events and moves behind them. A FEED_RESET fault says that the reader's position was lost. After
// any other error the reader stays where it is, and Next can be called again.
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
		r.revision = r.log.revision.Load()
		nonce, grown := r.log.nonce(), r.log.grown
		// Checked against the current epochs: a failover may have lost events that this reader has returned.
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
			if events, err = r.log.pageAfter(ctx, r.at.position); err != nil {
				return nil, err
			}
			r.log.mu.Lock()
			still := r.log.nonce() == nonce
			if still {
				r.moveBehind(events)
			}
			r.log.mu.Unlock()
			if !still {
				continue // an epoch began meanwhile: the events that were read may be lost
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

// moveBehind moves the reader behind the events. The caller holds the log's lock, so the epoch is the one in which the events
// were read.
func (r *Reader) moveBehind(events []*Event) {
	r.from, r.passed = r.at, ""
	if len(events) > 0 {
		last := *events[len(events)-1].Position
		r.at = cursor{r.log.epochOf(last), last}
	}
}

// fromCache returns the cached events after the position; false if the cache does not reach back that far. The caller
// holds the lock.
func (l *Log) fromCache(position int64) ([]*Event, bool) {
	if !l.keepsAfter(position) {
		return nil, false
	}
	if position >= l.tail {
		return nil, true
	}
	from := int(position + 1 - *l.recent[0].Position)
	return slices.Clone(l.recent[from:min(from+batchSize, len(l.recent))]), true
}

// Request is what a list or a watcher asks for.
type Request struct {
	After  *string
	Filter *filter.Case
	Types  []model.CaseEventType // nil: all
	Meter  *Meter                // of a watcher's work; nil: it works as much as it needs
}

// shows reports whether the event is to be shown, as far as its snapshots tell, and whether the case matches the filter
// after it. A case outside the scope does not exist for the viewer: an event that brings the case into the scope counts
// as if there were nothing before it, and an event that takes the case out of the scope is not shown.
func (q Request) shows(e *Event, scope *filter.Scope) (matches, shown bool) {
	if q.Types != nil && !slices.Contains(q.Types, e.Type) {
		return false, false
	}
	then, was := e.subjects()
	if !scope.Sees(then) {
		return false, false
	}
	matches = q.Filter.Match(then, scope.Viewer())
	switch {
	case e.Type == model.EventCustomerErased: // the values that the filter matched may be among the erased ones
		return matches, true
	case matches || e.Was == nil:
		return matches, matches
	}
	return false, scope.Sees(was) && q.Filter.Match(was, scope.Viewer())
}

// Touches reports whether the case matches the filter right before or right after the event, so that the event may have
// changed the set of matching cases. It is true whenever the snapshots cannot tell: for a search, and after an erasure.
func (e *Event) Touches(f *filter.Case, viewer model.UserID) bool {
	then, was := e.subjects()
	if e.Type == model.EventCustomerErased || f.Searches() || f.Match(then, viewer) {
		return true
	}
	return was != nil && f.Match(was, viewer)
}

// logged returns the event as a viewer with this scope sees it, without personal data if the scope masks it.
func (e *Event) logged(matches bool, scope *filter.Scope) *model.LoggedEvent {
	logged := &model.LoggedEvent{Event: e.Event, Then: e.Then, Matches: matches, Cursor: e.Cursor}
	if scope.Masked() {
		return logged.Masked()
	}
	if !scope.Restricted() { // else the case may have left the scope meanwhile
		logged.ReadNote = e.recentNote(time.Now())
	}
	return logged
}

// Watcher is a reader that returns only the events that a request asks for and a scope sees.
type Watcher struct {
	reader *Reader
	scope  *filter.Scope
	asked  Request
	turn   func()        // if it is the watcher's turn already: ends the turn
	head   cursor        // if the scope is restricted: the head of the log when the watch began
	seen   *currentState // if the scope is restricted: the current state of the cases in the page that Next returned last
}

// Watch returns a watcher that starts after the request's cursor, or at the head if it has none.
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

// ErrUnreadable means that the log cannot be read at the moment: the watcher has kept its position, and may try again.
var ErrUnreadable = errors.New("the log cannot be read at the moment")

// Next waits for the next events, moves behind them, and returns those that the request asks for, which may be none. While
// the database is away Next waits and keeps its position. A FEED_RESET fault says that the position was lost.
func (w *Watcher) Next(ctx context.Context) ([]model.CaseEvent, error) {
	defer w.endTurn()
	for {
		shown, err := w.Read(ctx)
		if !errors.Is(err, ErrUnreadable) {
			return shown, err
		}
		if errors.Is(err, rate.ErrBehind) {
			if err := w.awaitTurn(ctx); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case <-time.After(w.reader.log.lookEvery):
		case <-ctx.Done():
		}
	}
}

// Read is Next without patience: where Next would try again, it returns an error that wraps ErrUnreadable.
func (w *Watcher) Read(ctx context.Context) (shown []model.CaseEvent, err error) {
	if w.scope.Restricted() {
		if err := w.reader.log.caughtUp(ctx, w.head); err != nil {
			return nil, err
		}
	}
	before := w.reader.at
	events, err := w.reader.Next(ctx)
	if err == nil {
		shown, err = w.shown(ctx, events)
	}
	if err == nil {
		return shown, nil
	}
	w.reader.at = before
	if ctx.Err() != nil || w.reader.log.ctx.Err() != nil || fault.Is(err, fault.CodeFeedReset) {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
}

// Seek moves the watcher to a position that it, or a watcher of an equal request and scope, has reached. A FEED_RESET fault
// says that the position was lost.
func (w *Watcher) Seek(to string) error {
	at, ok := parseCursor(to)
	l := w.reader.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if !ok || !l.valid(at, max(l.tail, at.position)) {
		return errReset("after")
	}
	w.reader.at, w.reader.from, w.reader.passed = at, at, ""
	return nil
}

// StillShown returns a function that reports whether the scope may still see an event of the page that was read last; nil
// if no event could take it out of the scope.
func (w *Watcher) StillShown(e model.CaseEvent) func() bool {
	if !w.scope.Restricted() {
		return nil
	}
	l, scope, id, seen := w.reader.log, w.scope, e.Logged().CaseID, w.seen
	return func() bool { return !l.mayBeOutOfScope(scope, id, seen) }
}

func (w *Watcher) shown(ctx context.Context, events []*Event) (shown []model.CaseEvent, err error) {
	w.seen = nil
	decided, err := w.decide(ctx, events)
	if err != nil {
		return nil, err
	}
	for i, e := range events {
		matches, ok := decided[i].matches, decided[i].shown
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

// Outdated reports, right before an event from Next is shown, whether a customer was erased or a note redacted meanwhile, or
// the case has left the scope. If so, it moves the watcher back to before that event, and Next returns what is to be shown now.
func (w *Watcher) Outdated(e model.CaseEvent) bool {
	if w.scope.Restricted() && w.reader.log.mayBeOutOfScope(w.scope, e.Logged().CaseID, w.seen) {
		w.reader.rewind()
		return true
	}
	return w.reader.Outdated(e.Logged().Cursor)
}

// Revision changes whenever this server reads that customers were erased, notes redacted, or events lost. Answers that were made of
// events before may show what must not be shown any more.
func (w *Watcher) Revision() int64 { return w.reader.log.Revision() }

// Position returns the watcher's position and the cursor for it.
func (w *Watcher) Position() (position int64, cursor string) {
	return w.reader.at.position, w.reader.at.String()
}

// Newest reports whether the watcher has passed every event that this server knows of.
func (w *Watcher) Newest() bool {
	l := w.reader.log
	l.mu.Lock()
	defer l.mu.Unlock()
	return w.reader.at.position >= l.tail
}
