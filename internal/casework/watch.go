package casework

import (
	"context"
	"time"
)

// watch does what time brings, again and again until ctx ends: at once where the last time left more to do, else at the
// next tick. Of failures one after the other, only the first is told.
func watch(ctx context.Context, every time.Duration, do func(ctx context.Context) (more bool, err error), tell func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	failing := false
	for {
		more, err := do(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			tell(err)
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
