package casework

import (
	"context"
	"time"
)

// Poll calls do again and again until ctx ends: at once where the last call left more to do, else at the next tick. Of
// failures in a row, only the first is reported.
func Poll(ctx context.Context, every time.Duration, do func(ctx context.Context) (more bool, err error), report func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	failing := false
	for {
		more, err := do(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			report(err)
		}
		failing = err != nil
		if more && !failing {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
