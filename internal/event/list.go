package event

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// List returns a page of the log, the oldest event first, as far as the scope sees it. Cursors are positions in the feed.
// A list looks at LookMost positions at most. A page where it stops before it has found enough is short, or empty, and says
// that there is more: its cursor on that side is how far the list has come.
func (l *Log) List(ctx context.Context, scope *filter.Scope, args page.Args, q Request) (*page.Connection[model.LoggedEvent], error) {
	n, backward, ofSize := args.Size()
	low, high, ofCursors := l.bounds(ctx, args)
	if err := fault.Join(q.check(), ofSize, ofCursors); err != nil {
		return nil, err
	}
	edges, stop, err := l.look(ctx, scope, q, low, high, n+1, backward)
	if err != nil {
		return nil, err
	}
	return l.stoppedAt(stop, connection(edges, n, backward, args), backward), nil
}

// collect reads the table between two positions until it has enough events that match the request; of one case only, if
// one is named. PostgreSQL decides on the types and on whether the scope sees the case as it is now. Go decides on the
// filter, from the snapshots, exactly as the live feed does.
func (l *Log) collect(ctx context.Context, scope *filter.Scope, of *model.CaseID, q Request, low, high int64, enough int, backward bool) ([]*page.Edge[model.LoggedEvent], error) {
	edges := make([]*page.Edge[model.LoggedEvent], 0, enough)
	batch := enough
	for len(edges) < enough {
		rows, err := l.between(ctx, scope, of, q.Types, low, high, batch, backward)
		if err != nil {
			return nil, err
		}
		events, err := l.decodeAll(rows)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			runtime.Gosched() // who has little to do goes first
			if matches, shown := q.shows(e, scope); shown && len(edges) < enough {
				edges = append(edges, &page.Edge[model.LoggedEvent]{Cursor: e.Cursor, Node: e.logged(matches, scope)})
			}
		}
		if len(rows) < batch {
			break
		}
		if last := *rows[len(rows)-1].Position; backward {
			high = last
		} else {
			low = last
		}
		batch = batchSize
	}
	return edges, nil
}

func (l *Log) between(ctx context.Context, scope *filter.Scope, of *model.CaseID, types []model.CaseEventType, low, high int64, limit int, backward bool) ([]*model.Event, error) {
	query := l.db.Gorm.WithContext(ctx).Where("position > ? AND position < ?", low, high).
		Where(scope.OfCase("case_events.case_id", time.Now()))
	if of != nil {
		query = query.Where("case_id = ?", *of)
	}
	if types != nil {
		query = query.Where("type IN ?", append(slices.Clone(types), "")) // an empty list would give IN (), which is not valid SQL
	}
	rows, err := pg.Find[model.Event](query.Order(clause.OrderByColumn{Column: clause.Column{Name: "position"}, Desc: backward}).
		Clauses(page.Limit(limit)))
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return rows, nil
}

// Find reads one event by its ID; nil if there is none or the scope does not see it.
func (l *Log) Find(ctx context.Context, scope *filter.Scope, id model.EventID) (*model.LoggedEvent, error) {
	e, err := l.find(ctx, l.db.Gorm.WithContext(ctx).Where(scope.OfCase("case_events.case_id", time.Now())), id)
	if e == nil || err != nil || !scope.Sees(filter.Of(e.Then, e.At)) {
		return nil, err
	}
	return e.logged(true, scope), nil
}

func (l *Log) find(ctx context.Context, query *gorm.DB, id model.EventID) (*Event, error) {
	if _, err := l.Stamp(ctx); err != nil {
		return nil, err
	}
	var row model.Event
	err := query.Where("id = ?", id).Take(&row).Error
	if err == gorm.ErrRecordNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read an event: %w", err)
	}
	events, err := l.decodeAll([]*model.Event{&row})
	if err != nil {
		return nil, err
	}
	return events[0], nil
}

// Cursor returns the event's cursor; an event that was just committed is stamped first. NOT_FOUND if the event is not there.
func (l *Log) Cursor(ctx context.Context, e *model.LoggedEvent) (string, error) {
	if e.Cursor != "" {
		return e.Cursor, nil
	}
	found, err := l.find(ctx, l.db.Gorm.WithContext(ctx), e.ID)
	switch {
	case err != nil:
		return "", err
	case found == nil:
		return "", fault.New(fault.CodeNotFound, "this event does not exist")
	}
	return found.Cursor, nil
}
