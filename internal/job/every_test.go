package job_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closeloop/closeloop/internal/job"
)

// loop is a running Every on synctest's clock, and the writer of its log.
type loop struct {
	t    *testing.T
	stop func()

	mu   sync.Mutex
	log  bytes.Buffer
	runs []time.Duration // when each run began, since the loop began
}

func (l *loop) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(p)
}

// record records the start of a run, and returns the number of runs.
func (l *loop) record(at time.Duration) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs = append(l.runs, at)
	return len(l.runs)
}

// every calls do each minute in a synctest bubble; do gets the number of the run, from 1 on.
func every(t *testing.T, wake func() <-chan struct{}, do func(run int) (bool, error)) *loop {
	t.Helper()
	l := &loop{t: t}
	ctx, cancel := context.WithCancel(context.Background())
	began, ended := time.Now(), make(chan struct{})
	go func() {
		defer close(ended)
		job.Every(ctx, time.Minute, wake, job.Task{
			Trouble: "the work cannot be done", Recovered: "the work is done again", Log: slog.New(slog.NewTextHandler(l, nil)),
			Do: func(context.Context) (bool, error) {
				return do(l.record(time.Since(began)))
			},
		})
	}()
	l.stop = func() { cancel(); <-ended }
	synctest.Wait()
	return l
}

// began checks when the runs began.
func (l *loop) began(want ...time.Duration) {
	l.t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.runs) != len(want) {
		l.t.Fatalf("the runs began at %v, want %v", l.runs, want)
	}
	for i := range want {
		if l.runs[i] != want[i] {
			l.t.Fatalf("the runs began at %v, want %v", l.runs, want)
		}
	}
}

func (l *loop) logs(line string, times int) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := strings.Count(l.log.String(), line); n != times {
		l.t.Errorf("the log has %q %d times, want %d:\n%s", line, n, times, l.log.String())
	}
}

func TestEvery(t *testing.T) {
	t.Parallel()
	none := func(int) (bool, error) { return false, nil }
	for name, test := range map[string]func(t *testing.T){
		"runs at once and at every tick": func(t *testing.T) {
			l := every(t, nil, none)
			defer l.stop()
			l.began(0)
			time.Sleep(2 * time.Minute)
			l.began(0, time.Minute, 2*time.Minute)
		},
		"runs at a wake-up": func(t *testing.T) {
			signal := job.NewSignal()
			l := every(t, signal.Wake, none)
			defer l.stop()
			time.Sleep(time.Second)
			signal.Send()
			l.began(0, time.Second)
			time.Sleep(time.Minute)
			l.began(0, time.Second, 61*time.Second)
		},
		"keeps a wake-up during a run": func(t *testing.T) {
			signal := job.NewSignal()
			l := every(t, signal.Wake, func(run int) (bool, error) {
				if run == 1 {
					signal.Send()
					signal.Send()
				}
				return false, nil
			})
			defer l.stop()
			l.began(0, 0)
		},
		"calls wake before the run": func(t *testing.T) {
			broadcast := make(chan struct{})
			l := every(t, func() <-chan struct{} { return broadcast }, func(run int) (bool, error) {
				if run == 1 { // a broadcast closes the channel and replaces it
					before := broadcast
					broadcast = make(chan struct{})
					close(before)
				}
				return false, nil
			})
			defer l.stop()
			l.began(0, 0)
		},
		"runs again at once while there is more": func(t *testing.T) {
			l := every(t, nil, func(run int) (bool, error) { return run < 4, nil })
			defer l.stop()
			l.began(0, 0, 0, 0)
		},
		"survives errors, and logs an outage once": func(t *testing.T) {
			signal := job.NewSignal()
			l := every(t, signal.Wake, func(run int) (bool, error) {
				if run <= 3 {
					return true, errors.New("no database")
				}
				return false, nil
			})
			defer l.stop()
			signal.Send() // after a failure only a tick starts a run
			l.began(0)
			time.Sleep(2 * time.Minute)
			l.began(0, time.Minute, 2*time.Minute)
			l.logs("the work cannot be done", 1)
			l.logs("no database", 1)
			l.logs("the work is done again", 0)
			time.Sleep(time.Minute)
			l.began(0, time.Minute, 2*time.Minute, 3*time.Minute, 3*time.Minute) // the last one is by the signal
			l.logs("the work is done again", 1)
		},
		"survives a panic, and logs it with its trace": func(t *testing.T) {
			l := every(t, nil, func(run int) (bool, error) {
				if run == 1 {
					panic("out of range")
				}
				return false, nil
			})
			defer l.stop()
			time.Sleep(time.Minute)
			l.began(0, time.Minute)
			l.logs(`panic="out of range" trace="goroutine `, 1)
		},
		"ends with its context, without a line": func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			var log bytes.Buffer
			runs := 0
			job.Every(ctx, time.Minute, nil, job.Task{
				Trouble: "the work cannot be done", Log: slog.New(slog.NewTextHandler(&log, nil)),
				Do: func(ctx context.Context) (bool, error) { runs++; cancel(); return true, ctx.Err() },
			})
			if runs != 1 || log.Len() > 0 {
				t.Errorf("%d runs, want 1; the log has %q, want nothing", runs, log.String())
			}
		},
		"does not run with an ended context": func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			job.Every(ctx, time.Minute, nil, job.Task{Do: func(context.Context) (bool, error) { t.Error("it ran"); return false, nil }})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, test)
		})
	}
}
