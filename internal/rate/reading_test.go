package rate_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

func TestReadings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		readings, first, second := rate.NewReadings(), model.ApiTokenID{UUID: model.NewUUID()}, model.ApiTokenID{UUID: model.NewUUID()}
		done := readings.Begin(t.Context(), first)
		var reading, most, read atomic.Int64
		for range 100 {
			go func() {
				defer readings.Begin(t.Context(), first)()
				if n := reading.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Millisecond)
				reading.Add(-1)
				read.Add(1)
			}()
		}
		synctest.Wait()
		if n := most.Load(); n != 0 {
			t.Errorf("%d inputs of a token are read beside its first", n)
		}
		readings.Begin(t.Context(), second)()
		done()
		time.Sleep(time.Second)
		if most.Load() != 1 || read.Load() != 100 {
			t.Errorf("%d inputs of a token are read at a time, and %d of 100 in a second", most.Load(), read.Load())
		}
		done = readings.Begin(t.Context(), first)
		time.Sleep(5 * time.Millisecond)
		done()
		began := time.Now()
		done = readings.Begin(t.Context(), first)
		if rested, most := time.Since(began), 5*time.Millisecond; rested == 0 || rested > most {
			t.Errorf("after a reading of 5 ms the token's next one waits for %v, want at most %v", rested, most)
		}
		time.Sleep(time.Minute)
		done()
		began = time.Now()
		done = readings.Begin(t.Context(), first)
		if rested := time.Since(began); rested > 20*time.Millisecond {
			t.Errorf("after a reading of a minute the token's next one waits for %v", rested)
		}
		defer func() {
			done()
			time.Sleep(time.Second) // the rest
		}()
		gone, leave := context.WithCancel(t.Context())
		leave()
		readings.Begin(gone, first)()
	})
}
