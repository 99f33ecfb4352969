package event

import (
	"context"
	"time"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/model"
)

// A list whose filter matches rarely must not read the whole log. It looks at a bounded number of positions and stops
// where the next list goes on.
const (
	// LookMost is how many positions a list looks at.
	LookMost = 10_000

	lookFor    = 500 * time.Millisecond // a list looks no further after this time
	lookWindow = 1000                   // positions that a list looks at before it asks the clock
)

// look collects events between two positions, both exclusive, from one end or the other, until there are enough of them.
// stop is 0 if it has enough or has come to the other end. Else it is the position for the cursor to go on from. It
// is a number of whole windows away from where the list began, whichever events there are, so it tells a viewer nothing
// about events that the scope does not see.
func (l *Log) look(ctx context.Context, scope *filter.Scope, q Request, low, high int64, enough int, backward bool) (edges []*page.Edge[model.LoggedEvent], stop int64, err error) {
	begun := time.Now()
	for left := l.lookMost; ; {
		from, to := low, high
		if size := min(left, lookWindow); high-low-1 > size {
			left -= size
			if backward {
				from = high - size - 1
			} else {
				to = low + size + 1
			}
		}
		found, err := l.collect(ctx, scope, nil, q, from, to, enough-len(edges), backward)
		if err != nil {
			return nil, 0, err
		}
		edges = append(edges, found...)
		switch {
		case len(edges) == enough, from == low && to == high:
			return edges, 0, nil
		case backward:
			high = from + 1
			stop = high
		default:
			low = to - 1
			stop = low
		}
		if left == 0 || time.Since(begun) >= l.lookFor {
			return edges, stop, nil
		}
	}
}

// stoppedAt marks a page whose list stopped looking at a position: there may be more, and the way on begins there. The
// other cursor of an empty page is the same position, from which the way back is the same as from where the list began.
func (l *Log) stoppedAt(stop int64, c *page.Connection[model.LoggedEvent], backward bool) *page.Connection[model.LoggedEvent] {
	if stop == 0 {
		return c
	}
	at, info := l.cursorOf(stop), &c.PageInfo
	if backward {
		info.HasPreviousPage = true
	} else {
		info.HasNextPage = true
	}
	if backward || len(c.Edges) == 0 {
		info.StartCursor = &at
	}
	if !backward || len(c.Edges) == 0 {
		info.EndCursor = &at
	}
	return c
}
