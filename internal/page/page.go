// Package page owns keyset pagination by Relay's rules (Cursor Connections Specification): what `first`, `after`,
// `last` and `before` mean, what a cursor holds, and the one statement that reads a page.
//
// It refuses offsets: a page costs the same however far into the list it is. It knows no tables and no roles.
package page

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
)

const (
	sizeDefault = 20
	sizeMax     = 100
)

// Args are a list's four arguments, unchecked.
type Args struct {
	First  *int
	After  *string
	Last   *int
	Before *string
}

// Size checks the arguments and returns how many rows a page has and from which end it is read.
func (a Args) Size() (n int, backward bool, err error) {
	n = sizeDefault
	var faults []error
	check := func(argument string, given *int) {
		if given == nil {
			return
		}
		if n = *given; n < 1 || n > sizeMax {
			faults = append(faults, fault.Input(argument, fault.OutOfRange, argument, 1, sizeMax, n))
		}
	}
	check("first", a.First)
	check("last", a.Last)
	if a.First != nil && a.Last != nil {
		faults = append(faults, fault.Input("last", "use first or last, not both"))
	}
	backward = a.Last != nil || a.First == nil && a.Before != nil && a.After == nil
	return n, backward, fault.Join(faults...)
}

// Info is Relay's PageInfo.
type Info struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// Edge is one row with its cursor.
type Edge[T any] struct {
	Cursor string
	Node   *T
}

// Wrapped returns what this field of the API has: the node, or nil.
func (e *Edge[T]) Wrapped(field string) any {
	if field != "node" {
		return nil
	}
	return e.Node
}

// Connection is one page of a list.
type Connection[T any] struct {
	Edges    []*Edge[T]
	PageInfo Info

	count func(context.Context) (int, error)
}

// Nodes are the rows without their cursors.
func (c *Connection[T]) Nodes() []*T {
	nodes := make([]*T, len(c.Edges))
	for i, e := range c.Edges {
		nodes[i] = e.Node
	}
	return nodes
}

// TotalCount counts the whole list, by a statement of its own.
func (c *Connection[T]) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// Read reads one page of the query, which has its conditions, but neither order nor limit. shape chooses the columns of the
// rows, which include those of Order.Reads, and adds joins that only the rows need. It is not used for the count, and may be
// nil.
func Read[T any](query *gorm.DB, order Order[T], args Args, shape func(*gorm.DB) *gorm.DB) (*Connection[T], error) {
	n, backward, ends, err := order.bounds(args)
	if err != nil {
		return nil, err
	}
	whole := query.Session(&gorm.Session{})
	rows := whole
	if order[0].Nullable {
		rows = order.inParts(whole, whole.Session(&gorm.Session{NewDB: true}), ends, n+1, backward)
	} else {
		for _, e := range ends {
			rows = rows.Where(order.beyond(e.at, e.before, false))
		}
	}
	if shape != nil {
		rows = shape(rows)
	}
	found, err := pg.Find[T](rows.Clauses(order.by(backward), Limit(n+1)))
	if err != nil {
		return nil, err
	}
	if err := order.fill(whole, found); err != nil {
		return nil, err
	}
	return order.connect(found, n, backward, args, Counter[T](whole)), nil
}

// Rest returns the end of a statement that reads a page, after its conditions, and what makes the page of the rows that it
// finds, for a caller that writes the statement itself. No key of the order may be nullable or have Groups.
func (o Order[T]) Rest(args Args) (rest clause.Expr, pageOf func(found []*T, count func(context.Context) (int, error)) *Connection[T], err error) {
	n, backward, ends, err := o.bounds(args)
	if err != nil {
		return rest, nil, err
	}
	for _, e := range ends {
		rest.SQL, rest.Vars = rest.SQL+" AND ?", append(rest.Vars, o.beyond(e.at, e.before, false))
	}
	rest.SQL += fmt.Sprintf(" ORDER BY %s LIMIT %d", o.by(backward).Expression.(clause.Expr).SQL, n+1)
	return rest, func(found []*T, count func(context.Context) (int, error)) *Connection[T] {
		return o.connect(found, n, backward, args, count)
	}, nil
}

// connect makes the page of rows of which one more than n was looked for.
func (o Order[T]) connect(found []*T, n int, backward bool, args Args, count func(context.Context) (int, error)) *Connection[T] {
	more := len(found) > n
	if more {
		found = found[:n]
	}
	if backward {
		slices.Reverse(found)
	}
	edges := make([]*Edge[T], len(found))
	for i, row := range found {
		edges[i] = &Edge[T]{Cursor: o.encode(row), Node: row}
	}
	return NewConnection(edges, more, backward, args, count)
}

// NewConnection makes a page of rows that the caller has read, for lists that Read cannot read.
func NewConnection[T any](edges []*Edge[T], more, backward bool, args Args, count func(context.Context) (int, error)) *Connection[T] {
	return &Connection[T]{Edges: edges, PageInfo: InfoOf(edges, more, backward, args), count: count}
}

// InfoOf makes a page's Info. more says whether there are rows beyond the page in the direction in which it was read. In
// the other direction there are rows if the caller gave a cursor there.
func InfoOf[T any](edges []*Edge[T], more, backward bool, args Args) Info {
	info := Info{HasNextPage: more, HasPreviousPage: args.After != nil}
	if backward {
		info = Info{HasNextPage: args.Before != nil, HasPreviousPage: more}
	}
	if len(edges) > 0 {
		info.StartCursor, info.EndCursor = &edges[0].Cursor, &edges[len(edges)-1].Cursor
	}
	return info
}

// Limit writes the limit as a number. GORM binds its own as a parameter, with which PostgreSQL plans anew at every call:
// three times the cost of a list of 50.
func Limit(n int) clause.Expression { return limit(n) }
