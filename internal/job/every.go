package job

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// Task is work that Every does again and again.
type Task struct {
	// Trouble is the log line when the work fails: "webhooks cannot read the log".
	Trouble string
	// Recovered is the log line when the work succeeds again. Empty: none.
	Recovered string
	Log       *slog.Logger
	// Do is one run. more asks for the next run at once.
	Do func(ctx context.Context) (more bool, err error)
}

// Every runs the task at once, then at every tick of the interval and whenever wake fires, until ctx ends. No two runs
// overlap. wake is asked before each run, so that a wake-up during the run is not lost; nil: there is none.
//
// An error or a panic does not end the loop. After a failure only a tick starts the next run, so that an outage costs one
// try an interval, and an outage is one line in the log, however many runs fail. Each panic is a line.
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
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// run is one run; a panic becomes an error.
func (t Task) run(ctx context.Context) (more bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			t.Log.ErrorContext(ctx, "a background task panicked; it goes on", "task", t.Trouble, "panic", v, "trace", string(debug.Stack()))
			more, err = false, fmt.Errorf("panic: %v", v)
		}
	}()
	return t.Do(ctx)
}

// Signal wakes a loop. Several calls of Send before the loop looks count as one.
type Signal chan struct{}

// NewSignal makes a signal that was not sent.
func NewSignal() Signal { return make(Signal, 1) }

// Send never waits.
func (s Signal) Send() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// Wake is the signal for Every.
func (s Signal) Wake() <-chan struct{} { return s }
