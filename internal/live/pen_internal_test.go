package live

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestPenRestsAsLongAsItWasUsed(t *testing.T) {
	t.Parallel()
	for used, want := range map[time.Duration]time.Duration{time.Millisecond: 0, 2 * time.Millisecond: 2 * time.Millisecond, 7 * time.Millisecond: 7 * time.Millisecond, time.Second: 20 * time.Millisecond} {
		t.Run(fmt.Sprint(used), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, began := pen{used: used}, time.Now()
				p.rest()
				if got := time.Since(began); got != want {
					t.Errorf("it rests %v after %v, want %v", got, used, want)
				}
				if p.rest(); time.Since(began) > want {
					t.Error("it rests twice")
				}
			})
		})
	}
}

func TestPensAreHalfAsManyAsTheProcessors(t *testing.T) {
	t.Parallel()
	for processors, want := range map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 9: 4} {
		if got := len(newPens(processors)); got != want {
			t.Errorf("%d pens for %d processors, want %d", got, processors, want)
		}
	}
}

func TestPenIsHandedOnWhateverHappens(t *testing.T) {
	t.Parallel()
	ps := newPens(1)
	func() {
		defer func() { _ = recover() }()
		ps.use(t.Context(), func(*pen) { panic("while it writes") })
	}()
	if !ps.use(t.Context(), func(*pen) {}) {
		t.Error("a pen was lost in a panic")
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	ps.use(t.Context(), func(*pen) {
		if ps.use(gone, func(*pen) { t.Error("who has left writes") }) {
			t.Error("one pen is used twice at the same time")
		}
	})
}
