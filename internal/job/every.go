package job

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// Task is work that Every repeats.
type Task struct {
	// Trouble is the log line when the work fails: "webhooks cannot read the log".
	Trouble string
	// Recovered is the log line when the work succeeds after a failure. Empty: no line.
	Recovered string
	Log       *slog.Logger
	// Do is one run. It returns more where the next run must start at once.
	Do func(ctx context.Context) (more bool, err error)
}

// Every runs the task at once, then at every tick of the interval and whenever wake fires, until ctx ends. After a wake-up, the
// next tick is an interval away: what is woken often needs no ticks. No two runs overlap. Every calls wake before each run, so
// that a wake-up during the run is not lost; a nil wake: only ticks.
//
// An error or a panic does not end the loop. After a failure only a tick starts the next run, so an outage costs one run
// per interval. An outage is one line in the log, however many runs fail. Each panic is a line of its own.
func Every(ctx context.Context, interval time.Duration, wake func() <-chan struct{}, task Task) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	failing := false
	for ctx.Err() == nil {
		var woken <-chan struct{}
		if wake != nil {
			woken = wake()
		}
		more, err := task.run(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			task.Log.ErrorContext(ctx, task.Trouble, "error", err)
		case err == nil && failing && task.Recovered != "":
			task.Log.InfoContext(ctx, task.Recovered)
		}
		failing = err != nil
		switch {
		case failing:
			woken = nil
		case more:
			continue
		}
		select {
		case <-woken:
			tick.Reset(interval)
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// run calls Do and turns a panic into an error.
func (t Task) run(ctx context.Context) (more bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			t.Log.ErrorContext(ctx, "a background task panicked; its next run is at the next tick", "task", t.Trouble, "panic", v, "trace", string(debug.Stack()))
			more, err = false, fmt.Errorf("a panic of the type %T", v)
		}
	}()
	return t.Do(ctx)
}

// Signal wakes a loop. Several calls of Send between two runs count as one.
type Signal chan struct{}

// NewSignal makes a signal that is not sent yet.
func NewSignal() Signal { return make(Signal, 1) }

// Send sends the signal; it never blocks.
func (s Signal) Send() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// Wake returns the channel that Every waits for.
func (s Signal) Wake() <-chan struct{} { return s }
