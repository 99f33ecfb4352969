package live

import (
	"context"
	"errors"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// Position is a position in a feed.
type Position = wire.Position

// Source yields the values of one subscription: it is a position in a feed that moves forward. Only one goroutine at a
// time uses it.
type Source[T any] interface {
	// Next waits for values and moves behind them. It may move without returning a value. An error ends the subscription
	// and is sent to the subscriber.
	Next(ctx context.Context) ([]T, error)
	// Position is the source's position: every value up to it was returned or does not belong to the subscription.
	Position() Position
	// Newest reports whether Next would have to wait.
	Newest() bool
	// Outdated is called right before a value that Next returned is executed. It reports that the value must not be shown
	// as it was; the source has then moved back to before that value.
	Outdated(v T) bool
	// Revision changes when values become outdated. What was made of values of an earlier revision is not sent any more.
	Revision() int64
}

// Feed describes a subscription whose execution can be shared. Two subscriptions are equal when their documents,
// operation names, variables (without the variable that is given to Start), Session.View and Key are equal.
type Feed[T any] struct {
	// Start is the name of the argument with the position to begin at. Subscriptions that differ only in this argument
	// share an execution.
	Start string
	// Key is everything else that the answer depends on, such as the viewer's id where the filter asks for the viewer's own.
	Key string
	// Open opens a source after the cursor that the subscription asks for, or after the given cursor where after is not
	// nil (for a subscriber that fell behind or reconnected).
	Open func(ctx context.Context, after *string) (Source[T], error)
	// Position returns the position right behind a value.
	Position func(T) Position
}

// Follow makes the channel that a subscription's resolver returns. The channel yields the values of the feed's source in
// order, each when this package executes the selection for it: once for all equal subscriptions.
func Follow[T any](ctx context.Context, f Feed[T]) (<-chan T, error) {
	r := runOf(ctx)
	if r == nil {
		return nil, errors.New("Follow was called outside a subscription of this transport")
	}
	source, err := f.Open(ctx, r.after)
	if err != nil {
		return nil, err
	}
	// A value is sent just before the execution receives it.
	values := make(chan T, 1)
	r.stream = &stream[T]{Source: source, positionOf: f.Position, values: values}
	r.start, r.shared = f.Start, f.Key
	return values, nil
}

// streamer is a stream of values of any type.
type streamer interface {
	fetch(ctx context.Context) (n int, err error) // waits for the next values
	outdated(i int) bool                          // whether the i-th value and those after it must be fetched again
	put(i int) Position                           // makes the i-th value the subject of the execution's next response
	Position() Position
	Newest() bool
	Revision() int64
}

type stream[T any] struct {
	Source[T]
	positionOf func(T) Position
	values     chan T
	fetched    []T
}

func (s *stream[T]) fetch(ctx context.Context) (n int, err error) {
	s.fetched, err = s.Next(ctx)
	return len(s.fetched), err
}

func (s *stream[T]) outdated(i int) bool { return s.Outdated(s.fetched[i]) }

func (s *stream[T]) put(i int) Position {
	v := s.fetched[i]
	s.values <- v
	return s.positionOf(v)
}
