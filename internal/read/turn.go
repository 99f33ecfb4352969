package read

import "context"

// turn is handed on by the goroutines that resolve the fields of one operation. It holds a value while one of them runs.
type turn chan struct{}

type turnKey struct{}

// InTurn lets the goroutines of an operation run one at a time: a large answer is resolved by hundreds of them, and while they
// all run, everybody else's wait. The caller's own runs until it calls done.
func InTurn(ctx context.Context) (of context.Context, done func()) {
	of = context.WithValue(ctx, turnKey{}, make(turn, 1))
	return of, Begin(of)
}

// Begin waits for the turn, in a goroutine of its own, which runs until it calls done. Without InTurn it need not wait.
func Begin(ctx context.Context) (done func()) {
	t, ok := ctx.Value(turnKey{}).(turn)
	if !ok {
		return func() {}
	}
	t <- struct{}{}
	return func() { <-t }
}

// Pause lets other goroutines run while the caller's waits for something, until it calls resume.
func Pause(ctx context.Context) (resume func()) {
	t, ok := ctx.Value(turnKey{}).(turn)
	if !ok {
		return func() {}
	}
	<-t
	return func() { t <- struct{}{} }
}

// takesTurns reports whether the goroutines of the context's operation run one at a time.
func takesTurns(ctx context.Context) bool { return ctx.Value(turnKey{}) != nil }
