package live

import (
	"context"
	"errors"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// Position is a position in a feed.
type Position = wire.Position

// Source is where the values of one subscription come from: a place in a feed, which moves forward. One goroutine at
// a time uses it.
type Source[T any] interface {
	// Next waits for more and moves behind it. What it returns may be empty: it has moved all the same. An error ends
	// the subscription, and the subscriber is told.
	Next(ctx context.Context) ([]T, error)
	// Position is where it stands: all up to it was returned, or was not asked for.
	Position() Position
	// Newest tells whether Next would have to wait.
	Newest() bool
	// Outdated tells of a value that Next returned, right before it is executed, that it must not be shown any more as
	// it was. The source is then before that value again.
	Outdated(v T) bool
	// Revision changes when values become outdated: nobody is given any more what was made of earlier ones.
	Revision() int64
}

// Feed is what a resolver tells of a subscription whose execution can be shared. Two subscriptions are equal where
// the document, the operation's name, the variables (without the one that is given to Start), Session.View and Key are.
type Feed[T any] struct {
	// Start names the argument that says where to begin. Who differs in it alone is served by the same execution.
	Start string
	// Key is whatever else the answer depends on, such as the viewer's id where the filter asks for what is theirs.
	Key string
	// Open opens a source: after the place that the subscription asks for, or after the given one where after is not
	// nil (a subscriber that fell behind, or came back).
	Open func(ctx context.Context, after *string) (Source[T], error)
	// Position is the place right behind a value.
	Position func(T) Position
}

// Follow makes the channel that a subscription's resolver returns. What is sent on it comes from the feed's source, at
// the pace and in the order in which this package executes the selection: once for all equal subscriptions.
func Follow[T any](ctx context.Context, f Feed[T]) (<-chan T, error) {
	r := runOf(ctx)
	if r == nil {
		return nil, errors.New("Follow was called outside a subscription of this transport")
	}
	source, err := f.Open(ctx, r.after)
	if err != nil {
		return nil, err
	}
	// One value is put in just before the execution takes it out.
	values := make(chan T, 1)
	r.stream = &stream[T]{Source: source, placeOf: f.Position, values: values}
	r.start, r.shared = f.Start, f.Key
	return values, nil
}

// streamer is a stream of whatever type.
type streamer interface {
	fetch(ctx context.Context) (n int, err error) // waits for the next values
	outdated(i int) bool                          // whether the i-th of them and what follows must be fetched again
	put(i int) Position                           // has the execution's next response be that of the i-th of them
	Position() Position
	Newest() bool
	Revision() int64
}

type stream[T any] struct {
	Source[T]
	placeOf func(T) Position
	values  chan T
	fetched []T
}

func (s *stream[T]) fetch(ctx context.Context) (n int, err error) {
	s.fetched, err = s.Next(ctx)
	return len(s.fetched), err
}

func (s *stream[T]) outdated(i int) bool { return s.Outdated(s.fetched[i]) }

func (s *stream[T]) put(i int) Position {
	v := s.fetched[i]
	s.values <- v
	return s.placeOf(v)
}
