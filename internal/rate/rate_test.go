package rate

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

var start = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// clock is a clock that only later moves.
type clock struct{ moved atomic.Int64 }

func (c *clock) now() time.Time        { return start.Add(time.Duration(c.moved.Load())) }
func (c *clock) later(d time.Duration) { c.moved.Add(int64(d)) }

func token() model.ApiTokenID { return model.ApiTokenID{UUID: model.NewUUID()} }

func TestTake(t *testing.T) {
	t.Parallel()
	t.Run("pays until the bucket is empty and refills steadily", func(t *testing.T) {
		t.Parallel()
		var c clock
		b, mine := New(1000, 100, c.now), token()
		for i := range 4 {
			got, err := b.Take(mine, 250)
			want := Limit{Limit: 1000, Remaining: 750 - 250*i, RestoreRate: 100, Cost: 250, ResetAt: start.Add(time.Duration(i+1) * 2500 * time.Millisecond)}
			if err != nil || *got != want {
				t.Fatalf("operation %d: got %+v, %v, want %+v", i, got, err, want)
			}
		}
		var e *Exceeded
		if _, err := b.Take(mine, 250); !errors.As(err, &e) || e.RetryAfter != 2500*time.Millisecond || e.Seconds() != 3 || e.Remaining != 0 || e.Cost != 250 {
			t.Fatalf("empty bucket: got %+v, want a refusal with RetryAfter 2.5s, Remaining 0 and Cost 250", e)
		}
		if _, err := b.Take(token(), 250); err != nil {
			t.Errorf("another token's bucket: %v", err)
		}
		c.later(e.RetryAfter - time.Millisecond)
		if _, err := b.Take(mine, 250); !errors.As(err, &e) || e.Remaining != 249 || e.Seconds() != 1 {
			t.Errorf("1 ms before RetryAfter: got %v, want a refusal with Remaining 249", err)
		}
		c.later(time.Millisecond)
		if got, err := b.Take(mine, 250); err != nil || got.Remaining != 0 {
			t.Errorf("after RetryAfter: got %+v, %v, want Remaining 0", got, err)
		}
		c.later(time.Hour)
		if got, err := b.Take(mine, 1); err != nil || got.Remaining != 999 {
			t.Errorf("after an hour: got %+v, %v, want Remaining 999, because a bucket holds no more than its limit", got, err)
		}
		c.later(-time.Minute)
		if got, err := b.Take(mine, 1); err != nil || got.Remaining != 998 {
			t.Errorf("after the clock went back: got %+v, %v, want Remaining 998", got, err)
		}
	})

	t.Run("promises no more than it knows", func(t *testing.T) {
		t.Parallel()
		var c clock
		b, mine := New(1000, 10, c.now), token()
		b.Settle(mine, 950)
		refusal := func(err error) *Exceeded {
			t.Helper()
			var e *Exceeded
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a refusal", err)
			}
			return e
		}
		_, err := b.Take(mine, 70)
		dear := refusal(err)
		if want := "this operation costs 70 points and your token has 50 left: retry in 2 s, or ask for less"; dear.Error() != want {
			t.Errorf("%s, want %s", dear, want)
		}
		if dear.AddReading(30); dear.RetryAfter != 5*time.Second {
			t.Errorf("with 30 points for reading it again: %v, want 5 s", dear.RetryAfter)
		}
		if e, want := refusal(b.TakeReading(mine, 60)), "reading this operation costs 60 points and your token has 50 left: retry in 1 s at least; the operation itself costs more"; e.Error() != want {
			t.Errorf("%s, want %s", e, want)
		}
		b.Settle(mine, 100)
		_, err = b.Take(mine, 1)
		if e, want := refusal(err), "this operation costs 1 point and your token has -50 left: retry in 6 s"; e.Error() != want {
			t.Errorf("%s, want %s", e, want)
		}
	})

	t.Run("pays no more than the limit to concurrent callers", func(t *testing.T) {
		t.Parallel()
		var c clock
		b, mine := New(1000, 1, c.now), token()
		var paid atomic.Int32
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				for range 50 {
					if _, err := b.Take(mine, 7); err == nil {
						paid.Add(1)
					}
				}
			})
		}
		all.Wait()
		if paid.Load() != 142 { // 1000 / 7
			t.Errorf("%d operations were paid, want 142", paid.Load())
		}
	})

	t.Run("drops buckets that are full again", func(t *testing.T) {
		t.Parallel()
		var c clock
		b := New(1000, 100, c.now)
		busy := token()
		most := 0
		for range 10_000 {
			c.later(10 * time.Millisecond)
			if _, err := b.Take(busy, 1); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Take(token(), 100); err != nil { // the bucket is full again after 1 s, when 100 further ones exist
				t.Fatal(err)
			}
			most = max(most, len(b.byToken))
		}
		if most > 4*sweepLeast {
			t.Errorf("%d buckets existed at a time, want at most %d", most, 4*sweepLeast)
		}
		c.later(time.Hour)
		if got, err := b.Take(busy, 0); err != nil || got.Remaining != 1000 {
			t.Errorf("after an hour: got %+v, %v, want a full bucket", got, err)
		}
	})
}

func TestSettle(t *testing.T) {
	t.Parallel()
	t.Run("gives back and takes more, down to what a minute restores", func(t *testing.T) {
		t.Parallel()
		var c clock
		b, mine := New(1000, 10, c.now), token()
		if _, err := b.Take(mine, 400); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct{ points, want int }{{-150, 750}, {-5000, 1000}, {1300, -300}, {0, -300}, {1 << 40, -600}, {-1, -599}} {
			if got := b.Settle(mine, step.points); got.Remaining != step.want || got.Limit != 1000 || got.RestoreRate != 10 {
				t.Fatalf("Settle(%d) = %+v, want Remaining %d", step.points, got, step.want)
			}
		}
		var e *Exceeded
		if _, err := b.Take(mine, 1); !errors.As(err, &e) || e.RetryAfter != time.Minute || e.Remaining != -599 {
			t.Fatalf("a bucket in debt: got %+v, want a refusal for a minute", e)
		}
		c.later(time.Minute)
		if got, err := b.Take(mine, 1); err != nil || got.Remaining != 0 {
			t.Errorf("a minute later: %+v, %v", got, err)
		}
	})

	t.Run("loses nothing of concurrent operations", func(t *testing.T) {
		t.Parallel()
		var c clock
		b, mine := New(1_000_000, 1, c.now), token()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				for range 50 {
					if _, err := b.Take(mine, 10); err != nil {
						t.Error(err)
					}
					b.Settle(mine, -3)
				}
			})
		}
		all.Wait()
		if got := b.State(mine); got.Remaining != 1_000_000-50*50*7 {
			t.Errorf("%d points remain, want %d", got.Remaining, 1_000_000-50*50*7)
		}
	})
}
