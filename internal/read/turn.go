package read

import (
	"context"
	"time"

	"github.com/closeloop/closeloop/internal/pg/fair"
)

// turn is handed on by the goroutines that resolve the fields of one operation: one of them runs at a time. Together they run
// for runMost, and then rest.
type turn struct {
	free chan struct{} // holds a value while none of them runs
	ran  time.Duration // since they rested
	from time.Time     // when the one that runs began
}

// runMost is how long the goroutines of an operation run before they rest. Other goroutines that become runnable meanwhile wait
// about as long.
const runMost = 5 * time.Millisecond

// restMost is how long they rest at most. Who ran for longer without a pause mostly waited for the database.
const restMost = 2 * runMost

func newTurn() *turn {
	t := &turn{free: make(chan struct{}, 1)}
	t.free <- struct{}{}
	return t
}

func (t *turn) take() {
	<-t.free
	if t.ran >= runMost {
		time.Sleep(fair.Rest(t.ran, restMost))
		t.ran = 0
	}
	t.from = time.Now()
}

func (t *turn) handOn() {
	t.ran += time.Since(t.from)
	t.free <- struct{}{}
}

type turnKey struct{}

// InTurn lets the goroutines of an operation run one at a time, with rests: a large answer is resolved by hundreds of them, and
// while they all run, everybody else's wait. The caller's own runs until it calls done.
func InTurn(ctx context.Context) (of context.Context, done func()) {
	of = context.WithValue(ctx, turnKey{}, newTurn())
	return of, Begin(of)
}

// Begin waits for the turn, in a goroutine of its own, which runs until it calls done. Without InTurn it need not wait.
func Begin(ctx context.Context) (done func()) {
	t, ok := ctx.Value(turnKey{}).(*turn)
	if !ok {
		return func() {}
	}
	t.take()
	return t.handOn
}

// Pause lets other goroutines run while the caller's waits for something, until it calls resume.
func Pause(ctx context.Context) (resume func()) {
	t, ok := ctx.Value(turnKey{}).(*turn)
	if !ok {
		return func() {}
	}
	t.handOn()
	return t.take
}

// queue lets the goroutines that wait for the same loader wake one by one. A batch that wakes thousands at once would fill the
// processors' queues with them, and everybody else's goroutines would wait behind.
type queue chan struct{}

func newQueue() queue { return make(queue, 1) }

// await pauses the caller's goroutine until it calls resume, in the order of the calls. Only the first in the queue waits for
// the batch itself. The next one wakes when the first has its turn again.
func (q queue) await(ctx context.Context) (resume func()) {
	if !takesTurns(ctx) {
		return func() {}
	}
	again := Pause(ctx)
	q <- struct{}{}
	return func() {
		again()
		<-q
	}
}

// takesTurns reports whether the goroutines of the context's operation run one at a time.
func takesTurns(ctx context.Context) bool { return ctx.Value(turnKey{}) != nil }
