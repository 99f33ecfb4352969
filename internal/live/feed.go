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

// Replayer is a Source of a feed whose positions have cursors. Equal subscriptions that are behind share what was made of its
// values.
type Replayer[T any] interface {
	Source[T]
	// Read is Next without patience: an error that wraps ErrUnavailable says that another call may succeed.
	Read(ctx context.Context) ([]T, error)
	// Seek moves the source to a position that it, or a source of an equal subscription, has reached. An error, such as that
	// the position was lost, ends the subscription.
	Seek(to Position) error
	// StillShown returns a function that is called right before what was made of the value is sent to an equal
	// subscription: false says that it must not be shown any more. Nil: only Revision tells.
	StillShown(v T) func() bool
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
	replay() replayer // nil if the source is no Replayer
}

// replayer is a stream whose source is a Replayer.
type replayer interface {
	read(ctx context.Context) (n int, err error)
	positionAt(i int) Position
	stillShown(i int) func() bool
	seek(to Position) error
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

func (s *stream[T]) replay() replayer {
	if source, ok := s.Source.(Replayer[T]); ok {
		return replayed[T]{source, s}
	}
	return nil
}

type replayed[T any] struct {
	source Replayer[T]
	stream *stream[T]
}

func (r replayed[T]) read(ctx context.Context) (n int, err error) {
	r.stream.fetched, err = r.source.Read(ctx)
	return len(r.stream.fetched), err
}

func (r replayed[T]) positionAt(i int) Position    { return r.stream.positionOf(r.stream.fetched[i]) }
func (r replayed[T]) stillShown(i int) func() bool { return r.source.StillShown(r.stream.fetched[i]) }
func (r replayed[T]) seek(to Position) error       { return r.source.Seek(to) }
