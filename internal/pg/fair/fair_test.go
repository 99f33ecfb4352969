package fair

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// room lets calls enter a gate one after another, and records in which order they are admitted.
type room struct {
	t    *testing.T
	gate *Gate

	mu       sync.Mutex
	admitted []string
	leaves   map[string]func()
}

func newRoom(t *testing.T, places, share int) *room {
	return &room{t: t, gate: New(places, share, 1000, time.Minute), leaves: map[string]func(){}}
}

// enter makes a call of a client, and returns when the call is admitted or waits.
func (r *room) enter(client, call string) {
	go func() {
		leave, err := r.gate.Enter(r.t.Context(), client)
		if err != nil {
			r.t.Errorf("%s: %v", call, err)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.admitted = append(r.admitted, call)
		r.leaves[call] = leave
	}()
	synctest.Wait()
}

// leave ends a call, and returns when the next one is admitted.
func (r *room) leave(call string) {
	r.mu.Lock()
	leave := r.leaves[call]
	r.mu.Unlock()
	leave()
	synctest.Wait()
}

func (r *room) expect(calls ...string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.admitted, calls) {
		r.t.Errorf("admitted %v, want %v", r.admitted, calls)
	}
}

// empty reports whether nobody is inside or waits.
func (g *Gate) empty() bool { return g.free == g.places && len(g.clients) == 0 && len(g.turns) == 0 }

func TestGate(t *testing.T) {
	t.Parallel()
	t.Run("admits a client's calls first come first served, up to its share", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRoom(t, 4, 2)
			for i := range 5 {
				r.enter("a", fmt.Sprint("a", i))
			}
			r.expect("a0", "a1")
			r.enter("b", "b0")
			r.expect("a0", "a1", "b0")
			r.leave("a1")
			r.expect("a0", "a1", "b0", "a2")
			r.leave("a0")
			r.leave("a2")
			r.expect("a0", "a1", "b0", "a2", "a3", "a4")
			for _, call := range []string{"b0", "a3", "a4"} {
				r.leave(call)
			}
			if !r.gate.empty() {
				t.Errorf("the empty gate has %+v", r.gate)
			}
		})
	})

	t.Run("lets clients that wait take turns", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRoom(t, 1, 1)
			for i := range 3 {
				r.enter("a", fmt.Sprint("a", i))
			}
			for i := range 2 {
				r.enter("b", fmt.Sprint("b", i))
			}
			r.enter("c", "c0")
			for _, call := range []string{"a0", "b0", "c0", "a1", "b1", "a2"} {
				r.leave(call)
			}
			r.expect("a0", "b0", "c0", "a1", "b1", "a2")
			if !r.gate.empty() {
				t.Errorf("the empty gate has %+v", r.gate)
			}
		})
	})

	t.Run("gives the house all places, in turn with the clients", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRoom(t, 2, 1)
			for i := range 4 {
				r.enter("", fmt.Sprint("house", i))
			}
			r.enter("a", "a0")
			r.expect("house0", "house1")
			r.leave("house0")
			r.leave("house1")
			r.expect("house0", "house1", "a0", "house2")
			r.leave("a0")
			r.expect("house0", "house1", "a0", "house2", "house3")
		})
	})

	t.Run("lets nobody wait for longer than it says", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRoom(t, 4, 1)
			r.enter("a", "a0")
			began := time.Now()
			if _, err := r.gate.Enter(t.Context(), "a"); !errors.Is(err, ErrBusy) || time.Since(began) != time.Minute {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			r.leave("a0")
			if !r.gate.empty() {
				t.Errorf("the empty gate has %+v", r.gate)
			}
		})
	})

	t.Run("drops a call whose context ends at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRoom(t, 1, 1)
			r.enter("a", "a0")
			ctx, cancel := context.WithCancel(t.Context())
			gaveUp := make(chan error)
			go func() {
				_, err := r.gate.Enter(ctx, "b")
				gaveUp <- err
			}()
			synctest.Wait()
			r.enter("c", "c0")
			cancel()
			if err := <-gaveUp; !errors.Is(err, context.Canceled) {
				t.Errorf("error: %v", err)
			}
			if _, err := r.gate.Enter(ctx, "b"); !errors.Is(err, context.Canceled) {
				t.Errorf("a call that comes too late: %v", err)
			}
			r.leave("a0")
			r.expect("a0", "c0")
			r.leave("c0")
			if !r.gate.empty() {
				t.Errorf("the empty gate has %+v", r.gate)
			}
		})
	})

	t.Run("loses no place and exceeds no share when calls come, leave and give up at random", func(t *testing.T) {
		t.Parallel()
		const places, share = 4, 2
		g := New(places, share, 1000, 200*time.Microsecond)
		var inside, late, gone atomic.Int64
		var all sync.WaitGroup
		for n := range 5 {
			var mine atomic.Int64
			for range 8 {
				all.Go(func() {
					for range 200 {
						ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.Int64N(int64(400*time.Microsecond))))
						leave, err := g.Enter(ctx, fmt.Sprint("client ", n))
						switch {
						case errors.Is(err, ErrBusy):
							late.Add(1)
						case err != nil:
							gone.Add(1)
						default:
							if mine.Add(1) > share || inside.Add(1) > places {
								t.Error("too many are inside")
							}
							time.Sleep(time.Duration(rand.Int64N(int64(50 * time.Microsecond))))
							inside.Add(-1)
							mine.Add(-1)
							leave()
						}
						cancel()
					}
				})
			}
		}
		all.Wait()
		if !g.empty() {
			t.Errorf("the empty gate has %+v", g)
		}
		t.Logf("%d waited too long, %d gave up", late.Load(), gone.Load())
	})
}

func TestQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := New(1, 1, 2, time.Minute)
		leave, err := g.Enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			go func() {
				leave, err := g.Enter(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				leave()
			}()
		}
		synctest.Wait()
		began := time.Now()
		if _, err := g.Enter(t.Context(), "a"); !errors.Is(err, ErrBusy) || time.Since(began) > 0 {
			t.Errorf("a third call that waits: %v after %v", err, time.Since(began))
		}
		leave()
		synctest.Wait()
		if leave, err = g.Enter(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		leave()
		if len(g.clients) > 0 {
			t.Errorf("the gate keeps %d clients", len(g.clients))
		}
	})
}
