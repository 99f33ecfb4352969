package event

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/model"
)

// Histories returns a page of the events of each of several cases, the oldest first, as far as the scope sees them. All
// cases are read in one statement; a case of which the scope leaves events out may need more. Cursors are positions in
// the feed.
func (l *Log) Histories(ctx context.Context, scope *filter.Scope, ids []model.CaseID, args page.Args) (map[model.CaseID]*page.Connection[model.LoggedEvent], error) {
	n, backward, ofSize := args.Size()
	low, high, ofCursors := l.bounds(ctx, args)
	if err := fault.Join(ofSize, ofCursors); err != nil {
		return nil, err
	}
	by := "position"
	if backward {
		by = "position DESC"
	}
	inner := l.db.Gorm.WithContext(ctx).Model(&model.Event{}).
		Select("*, row_number() OVER (PARTITION BY case_id ORDER BY "+by+") AS nth").
		Where("case_id IN ? AND position > ? AND position < ?", model.UUIDs(ids), low, high).
		Where(scope.OfCase("case_events.case_id", time.Now()))
	var rows []*model.Event
	err := l.db.Gorm.Session(&gorm.Session{Context: ctx, NewDB: true}).Table("(?) AS ranked", inner).
		Where("nth <= ?", n+1).Order("case_id, nth").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read histories: %w", err)
	}
	events, err := l.decodeAll(rows)
	if err != nil {
		return nil, err
	}
	edges, read := map[model.CaseID][]*page.Edge[model.LoggedEvent]{}, map[model.CaseID]int{}
	for _, e := range events {
		read[e.CaseID]++
		if matches, shown := (Request{}).shows(e, scope); shown {
			edges[e.CaseID] = append(edges[e.CaseID], &page.Edge[model.LoggedEvent]{Cursor: e.Cursor, Node: e.logged(matches, scope)})
		}
	}
	found := make(map[model.CaseID]*page.Connection[model.LoggedEvent], len(ids))
	for _, id := range ids {
		if read[id] > n && len(edges[id]) < read[id] { // the scope left some out, and more may follow
			if edges[id], err = l.collect(ctx, scope, &id, Request{}, low, high, n+1, backward); err != nil {
				return nil, err
			}
		}
		found[id] = connection(edges[id], n, backward, args)
	}
	return found, nil
}

// bounds returns the positions between which a page lies, both exclusive. It stamps first, so that a page shows all that
// was committed before the request.
func (l *Log) bounds(ctx context.Context, args page.Args) (low, high int64, err error) {
	if high, err = l.Stamp(ctx); err != nil {
		return 0, 0, err
	}
	high++
	var ofAfter, ofBefore error
	if args.After != nil {
		var at cursor
		at, ofAfter = l.locate(ctx, "after", *args.After)
		low = at.position
	}
	if args.Before != nil {
		var at cursor
		at, ofBefore = l.locate(ctx, "before", *args.Before)
		high = min(high, at.position)
	}
	return low, high, fault.Join(ofAfter, ofBefore)
}

// connection makes a page of n edges. The caller has read one edge more where there are more.
func connection(edges []*page.Edge[model.LoggedEvent], n int, backward bool, args page.Args) *page.Connection[model.LoggedEvent] {
	more := len(edges) > n
	if more {
		edges = edges[:n]
	}
	if backward {
		slices.Reverse(edges)
	}
	return &page.Connection[model.LoggedEvent]{Edges: edges, PageInfo: page.InfoOf(edges, more, backward, args)}
}
