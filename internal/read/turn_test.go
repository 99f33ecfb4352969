package read_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closeloop/closeloop/internal/pg/fair"
	"github.com/closeloop/closeloop/internal/read"
)

func TestInTurn(t *testing.T) {
	t.Parallel()
	run := func(ctx context.Context) (most, finished int64) {
		var running, highest, n atomic.Int64
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				defer read.Begin(ctx)()
				for range 3 {
					if now := running.Add(1); now > highest.Load() {
						highest.Store(now)
					}
					time.Sleep(time.Millisecond)
					running.Add(-1)
					resume := read.Pause(ctx)
					time.Sleep(time.Second) // for a loader
					resume()
				}
				n.Add(1)
			})
		}
		resume := read.Pause(ctx)
		all.Wait()
		resume()
		return highest.Load(), n.Load()
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, done := read.InTurn(t.Context())
		began := time.Now()
		most, finished := run(ctx)
		done()
		if most != 1 || finished != 100 {
			t.Errorf("%d goroutines run at a time, and %d of 100 finish", most, finished)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("goroutines that wait keep the others from running: they took %v", took)
		}
		if most, finished := run(t.Context()); most != 100 || finished != 100 {
			t.Errorf("without turns %d run at a time, and %d of 100 finish", most, finished)
		}
	})
}

func TestInTurnRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const each, times = 5 * time.Millisecond, 20
		ctx, done := read.InTurn(t.Context())
		began := time.Now()
		for range times {
			time.Sleep(each) // it runs
			read.Pause(ctx)()
		}
		if rested, want := time.Since(began)-times*each, times*fair.Rest(each, read.RestMost); rested != want {
			t.Errorf("an operation that ran %d times for %v rested for %v; want %v", times, each, rested, want)
		}
		began = time.Now()
		time.Sleep(time.Second) // it waits for the database
		read.Pause(ctx)()
		if rested := time.Since(began) - time.Second; rested > 10*time.Millisecond {
			t.Errorf("after a long statement the operation rested for %v", rested)
		}
		done()
	})
}

func TestQueueWakesOneByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, done := read.InTurn(t.Context())
		batch, q := make(chan struct{}), read.NewQueue()
		var awake, most, finished atomic.Int64
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				defer read.Begin(ctx)()
				resume := q.Await(ctx)
				<-batch
				if now := awake.Add(1); now > most.Load() {
					most.Store(now)
				}
				time.Sleep(time.Microsecond) // others could wake meanwhile
				awake.Add(-1)
				resume()
				finished.Add(1)
			})
		}
		resume := read.Pause(ctx)
		synctest.Wait()
		close(batch)
		all.Wait()
		resume()
		done()
		if most.Load() != 1 || finished.Load() != 100 {
			t.Errorf("%d goroutines wake at a time, and %d of 100 finish", most.Load(), finished.Load())
		}
	})
}
