package rate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closeloop/closeloop/model"
)

func of(tokens ...model.ApiTokenID) func() []model.ApiTokenID {
	return func() []model.ApiTokenID { return tokens }
}

// works takes a turn of a token, and a time for the work.
func works(t *testing.T, w *Work, tokens func() []model.ApiTokenID, took time.Duration) (waited time.Duration) {
	t.Helper()
	begun := time.Now()
	done, err := w.Begin(t.Context(), tokens)
	if err != nil {
		t.Fatal(err)
	}
	waited = time.Since(begun)
	time.Sleep(took)
	done()
	return waited
}

func TestWork(t *testing.T) {
	t.Parallel()
	const second = 200 * time.Millisecond
	begin := func() *Work {
		return NewWork(second, func(model.ApiTokenID) time.Duration { return 0 }, time.Now)
	}

	t.Run("does not begin until the token's points are paid, unless another token shares it that owes none", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			buckets, debtor, other := New(100, 10, time.Now), token(), token()
			w := NewWork(second, buckets.Owes, time.Now)
			buckets.Settle(debtor, 300)
			if _, err := w.Try(t.Context(), of(debtor)); !errors.Is(err, ErrBehind) {
				t.Errorf("a token that owes points: %v", err)
			}
			if w.Paid([]model.ApiTokenID{debtor}) == nil || w.Paid([]model.ApiTokenID{debtor, other}) != nil {
				t.Error("Paid does not know who owes points")
			}
			if waited := works(t, w, of(debtor, other), 0); waited != 0 {
				t.Errorf("it waited %v for the debt of one of two tokens", waited)
			}
			if waited := works(t, w, of(debtor), 0); waited < 20*time.Second || waited > 22*time.Second {
				t.Errorf("it waited %v for 200 points at 10 a second", waited)
			}
		})
	})

	t.Run("is a part of each second, one subscription at a time, and delays no other token", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w, greedy, modest := begin(), token(), token()
			ctx, cancel := context.WithCancel(t.Context())
			var mu sync.Mutex
			var at, worked int
			var all sync.WaitGroup
			for range 300 {
				all.Go(func() {
					for {
						done, err := w.Begin(ctx, of(greedy))
						if err != nil {
							return
						}
						mu.Lock()
						if at++; at > 1 {
							t.Error("two subscriptions of one token work at a time")
						}
						mu.Unlock()
						time.Sleep(3 * time.Millisecond)
						mu.Lock()
						at--
						worked++
						mu.Unlock()
						done()
					}
				})
			}
			for range 100 {
				time.Sleep(97 * time.Millisecond)
				if waited := works(t, w, of(modest), 3*time.Millisecond); waited > 0 {
					t.Errorf("another token waits %v", waited)
				}
			}
			cancel()
			all.Wait()
			took := time.Duration(worked) * 3 * time.Millisecond
			if most := 10*second + second + 3*time.Millisecond; took > most || took < most*9/10 {
				t.Errorf("a token worked %v in ten seconds; want %v", took, most)
			}
			for _, a := range w.byToken {
				if a.busy || len(a.waiting) > 0 {
					t.Errorf("nobody works, and %d wait", len(a.waiting))
				}
			}
		})
	})

	t.Run("is done in the order in which subscriptions came", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w, mine := begin(), token()
			works(t, w, of(mine), time.Second) // five seconds to pay, of which it had one, and one has passed
			var mu sync.Mutex
			var order []int
			var all sync.WaitGroup
			for i := range 3 {
				all.Go(func() {
					works(t, w, of(mine), time.Millisecond)
					mu.Lock()
					defer mu.Unlock()
					order = append(order, i)
				})
				synctest.Wait()
				time.Sleep(time.Millisecond)
			}
			begun := time.Now()
			all.Wait()
			if took := time.Since(begun); took < 2990*time.Millisecond || took > 3020*time.Millisecond {
				t.Errorf("a debt of three seconds is paid in %v", took)
			}
			if !slices.Equal(order, []int{0, 1, 2}) {
				t.Errorf("order %v", order)
			}
		})
	})

	t.Run("that tokens share waits for none that has no time left", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w, greedy, modest := begin(), token(), token()
			works(t, w, of(greedy), time.Minute)
			for _, tokens := range [][]model.ApiTokenID{{greedy, modest}, {modest, greedy}} {
				if waited := works(t, w, of(tokens...), 10*time.Millisecond); waited > 0 {
					t.Errorf("a shared subscription waits %v", waited)
				}
			}
			if debt := w.debt(w.byToken[modest]); debt != -920*time.Millisecond { // 100 ms of the second, of which 20 ms have passed
				t.Errorf("after 20 ms of work, its debt is %v", debt)
			}
			// A token that comes later is noticed soon.
			late := token()
			var mu sync.Mutex
			sharers := []model.ApiTokenID{greedy}
			time.AfterFunc(10*time.Second, func() {
				mu.Lock()
				defer mu.Unlock()
				sharers = append(sharers, late)
			})
			waited := works(t, w, func() []model.ApiTokenID {
				mu.Lock()
				defer mu.Unlock()
				return slices.Clone(sharers)
			}, 0)
			if waited < 10*time.Second || waited > 10*time.Second+workRecheck {
				t.Errorf("a subscription that is shared after 10 s waits %v", waited)
			}
		})
	})

	t.Run("is not waited for by who has no patience", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w, mine := begin(), token()
			done, err := w.Try(t.Context(), of(mine))
			if err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			if _, err := w.Try(t.Context(), of(mine)); !errors.Is(err, ErrBehind) || time.Since(begun) != workPatient {
				t.Errorf("while another works: %v after %v", err, time.Since(begun))
			}
			time.Sleep(time.Second)
			done()
			begun = time.Now()
			if _, err := w.Try(t.Context(), of(mine)); !errors.Is(err, ErrBehind) || time.Since(begun) != 0 {
				t.Errorf("with a debt: %v after %v", err, time.Since(begun))
			}
			time.Sleep(5 * time.Second)
			if done, err = w.Try(t.Context(), of(mine)); err != nil {
				t.Fatal(err)
			}
			done()
		})
	})

	t.Run("ends with its context", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w, mine := begin(), token()
			works(t, w, of(mine), time.Hour)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var all sync.WaitGroup
			for range 3 { // one has the turn and pays, the others wait for the turn
				all.Go(func() {
					if _, err := w.Begin(ctx, of(mine)); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%v", err)
					}
				})
			}
			all.Wait()
			if a := w.byToken[mine]; a.busy || len(a.waiting) > 0 {
				t.Errorf("%d wait", len(a.waiting))
			}
		})
	})

	t.Run("of tokens that have not worked for long takes no memory", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := begin()
			for range 50 {
				for range 100 {
					works(t, w, of(token()), 0)
				}
				time.Sleep(2 * time.Second)
			}
			if n := len(w.byToken); n > 2*sweepLeast {
				t.Errorf("%d accounts are kept", n)
			}
		})
	})
}
