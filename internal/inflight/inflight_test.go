package inflight

import (
	"fmt"
	"slices"
	"testing"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	var cut []string
	a := New(100)
	hold := func(owner, name string, bytes int) func() {
		return a.Hold(owner, bytes, func() { cut = append(cut, name) })
	}
	is := func(when string, bytes int, want ...string) {
		t.Helper()
		if a.bytes != bytes || !slices.Equal(cut, want) {
			t.Errorf("%s: %d bytes, %v were cut; want %d, %v", when, a.bytes, cut, bytes, want)
		}
		cut = nil
	}
	first := hold("greedy", "1", 40)
	second := hold("greedy", "2", 40)
	modest := hold("modest", "3", 20)
	is("what fits", 100)
	hold("modest", "4", 20)
	is("the oldest of the greedy one", 80, "1")
	first()
	is("releasing what was cut", 80)
	second()
	second()
	is("releasing twice", 40)
	modest()
	huge := hold("huge", "5", 500)
	is("a large one cuts the others' only when it is not the largest itself", 20, "5")
	huge()
	alone := New(100)
	release := alone.Hold("x", 500, func() { t.Error("a single answer was cut") })
	release()
	if len(alone.owners) > 0 || alone.bytes != 0 {
		t.Errorf("%d owners, %d bytes are left", len(alone.owners), alone.bytes)
	}
	for i := range 1000 {
		defer a.Hold(fmt.Sprint(i%7), 10, func() {})()
	}
	if a.bytes > 100 {
		t.Errorf("%d bytes", a.bytes)
	}
}
