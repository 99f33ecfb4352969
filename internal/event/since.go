package event

import (
	"context"
	"fmt"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// Since gives the next stamped events after a position, from memory or from the table; none where there are no more.
// It is for readers whose place is kept in the database itself: such a place is restored, and lost, together with the
// log, and needs no epoch.
func (l *Log) Since(ctx context.Context, position int64) ([]*Event, error) {
	l.mu.Lock()
	events, cached := l.fromCache(position)
	l.mu.Unlock()
	if cached {
		return events, nil
	}
	return l.after(ctx, position, batchSize)
}

// Grown is closed when there is more in the log than now. Take it before looking: so nothing comes between.
func (l *Log) Grown() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grown
}

// Shows tells whether the event is for who has that scope, as far as its snapshots say, and whether the case matches
// after it.
func (q Request) Shows(e *Event, scope *filter.Scope) (matches, shown bool) { return q.shows(e, scope) }

// ByID reads events by their ids, for who is bounded by no scope; those that are not there are left out.
func (l *Log) ByID(ctx context.Context, ids []model.EventID) (map[model.EventID]*model.LoggedEvent, error) {
	if _, err := l.Stamp(ctx); err != nil { // their cursors need their positions, and the epochs as they are now
		return nil, err
	}
	var rows []model.Event
	err := l.db.Gorm.WithContext(ctx).Where("id IN ?", model.UUIDs(ids)).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	events, err := l.decodeAll(rows)
	if err != nil {
		return nil, err
	}
	found := make(map[model.EventID]*model.LoggedEvent, len(events))
	for _, e := range events {
		found[e.ID] = &model.LoggedEvent{Event: e.Event, Then: e.Then, Matches: true, Cursor: e.Cursor}
	}
	return found, nil
}
