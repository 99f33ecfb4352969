package page

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/pg"
)

// Parents are rows that each have a list of rows below them.
type Parents[T any] struct {
	Column string             // the SQL column with the parent of a row, with its table
	Of     func(*T) uuid.UUID // its value in a row
	IDs    []uuid.UUID
}

// ReadEach reads one page for each of several parents, in one statement: the lists below the rows of a list. The query has
// the conditions that all the lists share, and shape is as in Read; it chooses the parent's column too.
func ReadEach[T any](query *gorm.DB, parents Parents[T], order Order[T], args Args, shape func(*gorm.DB) *gorm.DB) (map[uuid.UUID]*Connection[T], error) {
	query = query.Session(&gorm.Session{})
	below := func(id uuid.UUID) *gorm.DB { return query.Where(parents.Column+" = ?", id) }
	if len(parents.IDs) == 1 { // no need to rank the rows
		c, err := Read(below(parents.IDs[0]), order, args, shape)
		return map[uuid.UUID]*Connection[T]{parents.IDs[0]: c}, err
	}
	n, backward, ends, err := order.bounds(args)
	if err != nil {
		return nil, err
	}
	rows, err := readRanked(query, parents, order, shape, ends, n+1, backward)
	if err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*Connection[T], len(parents.IDs))
	for _, id := range parents.IDs {
		found[id] = &Connection[T]{count: Counter[T](below(id))}
	}
	for _, row := range rows {
		c := found[parents.Of(row)]
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

// readRanked reads the first n rows between the ends for each parent, in their order.
func readRanked[T any](query *gorm.DB, parents Parents[T], order Order[T], shape func(*gorm.DB) *gorm.DB, ends []end, n int, backward bool) ([]*T, error) {
	by := order.by(backward)
	one := query.Where(parents.Column + " = parents.id")
	for _, e := range ends {
		one = one.Where(order.beyond(e.at, e.before, false))
	}
	if shape != nil {
		one = shape(one)
	}
	columns := one.Statement.Selects
	if len(columns) == 0 {
		table, _, _ := strings.Cut(parents.Column, ".")
		columns = []string{table + ".*"}
	}
	one = one.Select(append(slices.Clone(columns), "row_number() OVER (ORDER BY "+by.Expression.(clause.Expr).SQL+") AS nth")).Clauses(by, Limit(n))

	db := query.Session(&gorm.Session{NewDB: true})
	// For each parent, PostgreSQL reads the first rows of its list in an index, and no others.
	rows, err := pg.Find[T](db.Table("(SELECT unnest(CAST(? AS uuid[])) AS id) parents CROSS JOIN LATERAL (?) AS ranked", pg.Array(parents.IDs), one).
		Select("ranked.*").Order("nth"))
	if err != nil {
		return nil, err
	}
	return rows, order.fill(db, rows)
}

// Counter returns a function that counts the query's rows, for the context of the answer that asks for it.
func Counter[T any](query *gorm.DB) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		var n int64
		err := query.WithContext(ctx).Model(new(T)).Count(&n).Error
		return int(n), err
	}
}
