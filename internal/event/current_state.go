package event

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// A scope sees an event if it sees both the event's snapshot and the case as it is now. The current state of a case is in
// the snapshot of its newest event, because whatever a filter looks at changes with an event. For events that are
// followed live the newest event is in the cache, shared by all readers. Only a reader that is far behind asks the
// table, once a page.

// currentState is the current state of the cases of one page of events.
type currentState struct {
	newest map[model.CaseID]*Event          // of each case, in the page: it may be ahead of the cache
	tail   int64                            // where the cache ended when the table was asked; later events are in the cache, or too many came since
	cases  map[model.CaseID]*model.Snapshot // from the table; nil if it was not asked
}

func (l *Log) currentStateOf(page []*Event) *currentState {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &currentState{newest: make(map[model.CaseID]*Event, len(page)), tail: l.tail}
	for _, e := range page {
		s.newest[e.CaseID] = e
	}
	return s
}

// indexNewest records the newest cached event of its case. The caller holds the lock.
func (l *Log) indexNewest(e *Event) {
	if l.newest == nil {
		l.newest = map[model.CaseID]*Event{}
	}
	l.newest[e.CaseID] = e
}

// unindexNewest drops an event that leaves the cache. The caller holds the lock.
func (l *Log) unindexNewest(e *Event) {
	if n := l.newest[e.CaseID]; n != nil && *n.Position <= *e.Position {
		delete(l.newest, e.CaseID)
	}
}

// keepsAfter reports whether the cache has every event after a position that this server has followed. The caller holds
// the lock.
func (l *Log) keepsAfter(position int64) bool {
	return position >= l.tail || len(l.recent) > 0 && *l.recent[0].Position <= position+1
}

// currentSnapshot returns the case of one of the page's events as it is now, as far as this server has followed the log.
func (l *Log) currentSnapshot(ctx context.Context, id model.CaseID, seen *currentState) (*model.Snapshot, error) {
	l.mu.Lock()
	newest, tail, fresh := l.newest[id], l.tail, seen.cases != nil && l.keepsAfter(seen.tail)
	l.mu.Unlock()
	if newest != nil {
		if in := seen.newest[id]; in != nil && in.Version > newest.Version {
			newest = in
		}
		return newest.Then, nil
	}
	if !fresh {
		cases, err := l.readCurrent(ctx, seen.newest)
		if err != nil {
			return nil, err
		}
		seen.tail, seen.cases = tail, cases
	}
	return seen.cases[id], nil
}

// readCurrent reads the current snapshots of cases from the table.
func (l *Log) readCurrent(ctx context.Context, of map[model.CaseID]*Event) (map[model.CaseID]*model.Snapshot, error) {
	ids := slices.Collect(maps.Keys(of))
	var rows []struct {
		CaseID   model.CaseID
		Snapshot json.RawMessage
	}
	err := l.pages.db.WithContext(ctx).Raw(
		"SELECT DISTINCT ON (case_id) case_id, snapshot FROM case_events WHERE case_id IN ? ORDER BY case_id, version DESC", model.UUIDs(ids)).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the current snapshots of cases: %w", err)
	}
	cases := make(map[model.CaseID]*model.Snapshot, len(rows))
	for _, r := range rows {
		s := new(model.Snapshot)
		if err := json.Unmarshal(r.Snapshot, s); err != nil {
			return nil, fmt.Errorf("decode the current snapshot of case %s: %w", r.CaseID, err)
		}
		cases[r.CaseID] = s
	}
	return cases, nil
}

// seesNow reports whether the scope sees the event's case as it is now.
func (l *Log) seesNow(ctx context.Context, scope *filter.Scope, e *Event, seen *currentState) (bool, error) {
	now, err := l.currentSnapshot(ctx, e.CaseID, seen)
	if now == nil || err != nil { // cases are never deleted; one that does not exist is not seen
		return false, err
	}
	return scope.Sees(filter.Of(now, time.Now())), nil
}

// mayBeOutOfScope reports whether the scope may no longer see the case: a newer event took the case out of the scope, or
// so many events came since that the cache cannot tell.
func (l *Log) mayBeOutOfScope(scope *filter.Scope, id model.CaseID, seen *currentState) bool {
	l.mu.Lock()
	newest, kept := l.newest[id], l.keepsAfter(seen.tail)
	l.mu.Unlock()
	if newest == nil {
		return !kept
	}
	in := seen.newest[id]
	return newest.Version > in.Version && !scope.Sees(filter.Of(newest.Then, time.Now()))
}

// caughtUp waits until this server has followed the log up to a position. Before that, the cache may hold an old state of
// a case as the newest.
func (l *Log) caughtUp(ctx context.Context, head cursor) error {
	select {
	case <-l.started:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.ctx.Done():
		return errShutDown
	}
	for {
		l.mu.Lock()
		done, grown := l.tail >= head.position || l.nonce() != head.nonce, l.grown
		l.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.ctx.Done():
			return errShutDown
		}
	}
}
