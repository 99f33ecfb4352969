package page

import (
	"context"

	"github.com/closeloop/closeloop/internal/fault"
)

// For lists that no single query in one order can read, such as the passives' queue: they find their rows themselves,
// and take cursors and connections from here, so that callers see no difference.

// Cursor is the row's place.
func (o Order[T]) Cursor(row *T) string { return o.encode(row) }

// Place reads a cursor: a value for each key. argument is where the cursor stood.
func (o Order[T]) Place(argument, cursor string) ([]any, error) {
	at, err := o.decode(cursor)
	return at, fault.WithPath(argument, err)
}

// Made is a page whose rows have been read.
func Made[T any](edges []*Edge[T], more, backward bool, args Args, count func(context.Context) (int, error)) *Connection[T] {
	return &Connection[T]{Edges: edges, PageInfo: Around(edges, more, backward, args), count: count}
}
