package page

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ReadEach reads one page for each of several parents, in one statement: the lists below the rows of a list.
// parent is the SQL column with a row's parent, of gives its value in a row, and count counts one parent's whole list
// when totalCount is selected.
func ReadEach[T any](query *gorm.DB, parent string, of func(*T) uuid.UUID, order Order[T], args Args,
	count func(context.Context, uuid.UUID) (int, error), parents []uuid.UUID,
) (map[uuid.UUID]*Connection[T], error) {
	n, backward, ends, err := order.bounds(args)
	if err != nil {
		return nil, err
	}
	by := order.by(backward).Expression.(clause.Expr).SQL
	inner := query.Select("*, row_number() OVER (PARTITION BY " + parent + " ORDER BY " + by + ") AS nth")
	for _, e := range ends {
		inner = inner.Where(order.beyond(e.at, e.before, false))
	}
	var rows []*T
	err = query.Session(&gorm.Session{NewDB: true}).Table("(?) AS ranked", inner).Where("nth <= ?", n+1).
		Order(parent + ", nth").Find(&rows).Error
	if err != nil {
		return nil, err
	}
	if err := order.fill(query.Session(&gorm.Session{NewDB: true}), rows); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*Connection[T], len(parents))
	for _, id := range parents {
		found[id] = &Connection[T]{count: func(ctx context.Context) (int, error) { return count(ctx, id) }}
	}
	for _, row := range rows {
		c := found[of(row)]
		c.Edges = append(c.Edges, &Edge[T]{Cursor: order.encode(row), Node: row})
	}
	for _, c := range found {
		more := len(c.Edges) > n
		if more {
			c.Edges = c.Edges[:n]
		}
		if backward {
			slices.Reverse(c.Edges)
		}
		if c.Edges == nil {
			c.Edges = []*Edge[T]{}
		}
		c.PageInfo = InfoOf(c.Edges, more, backward, args)
	}
	return found, nil
}
