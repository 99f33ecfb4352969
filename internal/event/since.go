package event

import (
	"context"
	"fmt"
	"time"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Since returns the next stamped events after a position, from the cache or from the table; none if there are no more.
// It is for readers that keep their position in the database itself. Such a position is restored, or lost, together with
// the log, so it needs no epoch.
func (l *Log) Since(ctx context.Context, position int64) ([]*Event, error) {
	l.mu.Lock()
	events, cached := l.fromCache(position)
	l.mu.Unlock()
	if cached {
		return events, nil
	}
	return l.pageAfter(ctx, position)
}

// Grown returns a channel that is closed when the log grows. Take it before reading the log, so that no event comes unnoticed
// in between.
func (l *Log) Grown() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grown
}

// Shows reports whether the scope sees the event and the request asks for it, as far as its snapshots tell, and whether
// the case matches the filter after it.
func (q Request) Shows(e *Event, scope *filter.Scope) (matches, shown bool) { return q.shows(e, scope) }

// ByID reads events by their IDs. Events that do not exist, or that the scope does not see, are left out.
func (l *Log) ByID(ctx context.Context, scope *filter.Scope, ids []model.EventID) (map[model.EventID]*model.LoggedEvent, error) {
	if _, err := l.Stamp(ctx); err != nil { // cursors need positions and the current epochs
		return nil, err
	}
	rows, err := pg.Find[model.Event](l.db.Gorm.WithContext(ctx).Where("id IN ?", model.UUIDs(ids)).Where(scope.OfCase("case_events.case_id", time.Now())))
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	events, err := l.decodeAll(rows)
	if err != nil {
		return nil, err
	}
	found := make(map[model.EventID]*model.LoggedEvent, len(events))
	for _, e := range events {
		if scope.Sees(filter.Of(e.Then, e.At)) {
			found[e.ID] = e.logged(true, scope)
		}
	}
	return found, nil
}
