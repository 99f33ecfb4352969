package rate_test

import (
	"context"
	"testing"

	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

func TestPaceOfATokenThatRepeatsOperations(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	loop, other := model.ApiTokenID{UUID: model.NewUUID()}, model.ApiTokenID{UUID: model.NewUUID()}
	for _, c := range []struct {
		name          string
		restore, free int
	}{
		{"a twentieth of the points that it regains", 20_000, 1_000},
		{"a hundred at least", 1, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := rate.NewPace(c.restore)
			atOnce := 0
			for p.AtOnce(loop) {
				if atOnce++; atOnce > 10*c.free {
					break
				}
			}
			if atOnce < c.free || atOnce > 2*c.free {
				t.Errorf("%d operations are answered at once, want about %d", atOnce, c.free)
			}
			p.Wait(ended, loop) // returns, because nobody waits for the answer any more
			if !p.AtOnce(other) {
				t.Error("another token waits for it")
			}
		})
	}
}
