// Package shared lets callers who ask the same question at the same time share one answer. One of them asks, and its answer
// serves all who came before it began to ask, never those who came later: so thousands who come back at once cost two
// questions, and nobody gets an answer that was out of date when they came.
//
// It refuses to keep an answer for anybody who comes later.
package shared

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"
)

// ErrPatience is the error of a caller who has waited for another one's answer for as long as it wanted to.
var ErrPatience = errors.New("another caller takes long to ask the same question")

// Question is a question that callers share. It is made by New.
type Question[T any] struct {
	turn  chan struct{} // holds a value while somebody asks
	begun atomic.Int64  // how many have begun to ask
	last  answer[T]     // only who has the turn touches it
}

// answer is the answer to the question that began as the one with this number.
type answer[T any] struct {
	number int64
	value  T
	err    error
}

// New makes a question.
func New[T any]() *Question[T] { return &Question[T]{turn: make(chan struct{}, 1)} }

// Ask returns the answer of ask, or of another caller's ask that began after this call. If ctx ends while ask runs, its outcome
// is this caller's alone.
func (q *Question[T]) Ask(ctx context.Context, ask func() (T, error)) (T, error) {
	return q.AskWithin(ctx, math.MaxInt64, ask)
}

// AskWithin is Ask for a caller who waits for others no longer than patience: then it gets ErrPatience.
func (q *Question[T]) AskWithin(ctx context.Context, patience time.Duration, ask func() (T, error)) (value T, err error) {
	came := q.begun.Load()
	if err := q.await(ctx, patience); err != nil {
		return value, err
	}
	defer func() { <-q.turn }()
	if q.last.number > came {
		return q.last.value, q.last.err
	}
	number := q.begun.Add(1)
	value, err = ask()
	if ctx.Err() == nil {
		q.last = answer[T]{number, value, err}
	}
	return value, err
}

// await waits for the turn to ask.
func (q *Question[T]) await(ctx context.Context, patience time.Duration) error {
	select {
	case q.turn <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case q.turn <- struct{}{}:
		return nil
	case <-timer.C:
		return ErrPatience
	case <-ctx.Done():
		return ctx.Err()
	}
}
