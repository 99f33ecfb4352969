package report

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pg/fair"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

const (
	minInterval   = 500 * time.Millisecond // between two counts of one board: at most two counts a second
	maxInterval   = time.Minute            // the latest time for the next count, because figures also change with time
	retryAfter    = time.Second            // between two attempts while the database is away
	maxConcurrent = 2                      // counts that this server runs at once, one at most for each token; other boards wait
)

// boards holds the figures that subscriptions watch on this server. One count serves all watchers of a board: N boards
// cost N counts of one statement each, at most twice a second for each board, and maxConcurrent at once, in which tokens take
// turns. A board without watchers costs nothing. No board queries the log's head: each board follows the log in memory, at the
// expense of its watchers' tokens.
type boards struct {
	minInterval, maxInterval, retryAfter time.Duration
	slots                                *fair.Gate
	work                                 *rate.Work // nil: unbounded

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	open map[boardKey]*board
	seq  int64 // the offset of the figures that any board published last
}

func newBoards(work *rate.Work) *boards {
	b := &boards{minInterval: minInterval, maxInterval: maxInterval, retryAfter: retryAfter, work: work, open: map[boardKey]*board{}}
	b.slots = fair.New(maxConcurrent, 1, math.MaxInt, math.MaxInt64)
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// boardKey holds everything that figures depend on, apart from the clock and the rows.
type boardKey struct {
	view   string
	viewer model.UserID // set only if the filter asks for the viewer's own cases
	filter string
}

// board keeps the figures of one filter for one view up to date.
type board struct {
	key    boardKey
	boards *boards
	viewer auth.Viewer // any viewer with the board's view
	filter *filter.Case
	ctx    context.Context // ends when the last watcher leaves
	cancel context.CancelFunc

	// The fields below are guarded by boards.mu.
	watchers   map[*Watch]func(pg.Usage) // with what each reports its part of the board's statements to
	failed     error                     // why the board counts no more; nil while it counts
	latest     *CaseSummary              // the newest figures, or nil. Only run replaces the pointer, and nothing changes the figures
	lastChange *CaseSummary              // the newest figures that differ from the figures before them
	updated    chan struct{}             // closed and replaced when one of these fields changes
}

// join adds a watcher to the board of the key, and starts the board if it does not exist. The watchers share what the
// board's statements take.
func (r *Reports) join(key boardKey, viewer auth.Viewer, f *filter.Case, w *Watch, report func(pg.Usage)) *board {
	bs := r.boards
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b := bs.open[key]
	if b == nil {
		b = &board{key: key, boards: bs, viewer: viewer, filter: f, watchers: map[*Watch]func(pg.Usage){}, updated: make(chan struct{})}
		// The board counts in the share of the token that opened it.
		b.ctx, b.cancel = context.WithCancel(pg.WithUsage(pg.WithClient(bs.ctx, viewer.TokenID.String()), b.share))
		bs.open[key] = b
		if bs.ctx.Err() == nil {
			bs.running.Go(func() { r.run(b) })
		} else {
			b.failed = errClosed
		}
	}
	b.watchers[w] = report
	return b
}

// share reports a statement to the watchers, in equal parts.
func (b *board) share(used pg.Usage) {
	b.boards.mu.Lock()
	reports := slices.Collect(maps.Values(b.watchers))
	b.boards.mu.Unlock()
	used.Among(reports)
}

// leave removes a watcher. The last one ends the board.
func (b *board) leave(w *Watch) {
	b.boards.mu.Lock()
	defer b.boards.mu.Unlock()
	delete(b.watchers, w)
	if len(b.watchers) == 0 {
		b.remove()
		b.cancel()
	}
}

// remove takes the board out of boards.open, so that the next watcher starts a new board. The caller holds boards.mu.
func (b *board) remove() {
	if b.boards.open[b.key] == b {
		delete(b.boards.open, b.key)
	}
}

// Close ends all watches, and waits until no board counts.
func (r *Reports) Close() {
	r.boards.mu.Lock()
	r.boards.stop() // join starts no further board
	r.boards.mu.Unlock()
	r.boards.running.Wait()
}

// run counts the board at once, after each event that touches it, and at least once in maxInterval, but never twice in
// minInterval. While the database is away it retries, unless the board has no figures yet: then it fails, so that the
// first watcher gets the error.
func (r *Reports) run(b *board) {
	var reader *event.Reader
	for b.ctx.Err() == nil {
		var err error
		if reader, err = r.recount(b, reader); err == nil {
			err = b.waitForChange(reader)
		}
		switch {
		case err == nil:
		case fault.Is(err, fault.CodeFeedReset): // a failover took the position back: continue from the new head
			reader = nil
		case pg.Unavailable(err) && b.latest != nil:
			reader = nil
			select {
			case <-time.After(b.boards.retryAfter):
			case <-b.ctx.Done():
			}
		default:
			b.fail(err)
			return
		}
	}
	b.fail(errClosed)
}

// waitForChange returns when the board is to be counted again.
func (b *board) waitForChange(reader *event.Reader) error {
	counted := time.Now()
	for wait := b.boards.maxInterval; ; {
		ctx, cancel := context.WithDeadline(b.ctx, counted.Add(wait))
		events, err := reader.Next(ctx)
		late := ctx.Err() != nil
		cancel()
		switch {
		case late:
			return nil
		case err != nil:
			return err
		}
		touched, err := b.touchedBy(events)
		if err != nil {
			return err
		}
		if touched {
			wait = b.boards.minInterval
		}
	}
}

// touchedBy reports whether one of the events may have changed the figures. It waits until the time that this takes is paid.
func (b *board) touchedBy(events []*event.Event) (bool, error) {
	if b.filter != nil && b.boards.work != nil {
		done, err := b.boards.work.Begin(b.ctx, b.tokens)
		if err != nil {
			return false, err
		}
		defer done()
	}
	return slices.ContainsFunc(events, func(e *event.Event) bool { return e.Touches(b.filter, b.viewer.User.ID) }), nil
}

// tokens returns the tokens of the watchers, which pay for the board; that of the first one when the last has just left.
func (b *board) tokens() []model.ApiTokenID {
	b.boards.mu.Lock()
	defer b.boards.mu.Unlock()
	tokens := map[model.ApiTokenID]bool{}
	for w := range b.watchers {
		tokens[w.token] = true
	}
	if len(tokens) == 0 {
		return []model.ApiTokenID{b.viewer.TokenID}
	}
	return slices.Collect(maps.Keys(tokens))
}

// recount counts once and publishes the figures. The figures include every event up to the reader's cursor. recount opens
// a reader when reader is nil, and returns a nil reader when it fails.
func (r *Reports) recount(b *board, reader *event.Reader) (*event.Reader, error) {
	leave, err := b.boards.slots.Enter(b.ctx, b.viewer.TokenID.String())
	if err != nil {
		return nil, err
	}
	defer leave()
	if reader == nil {
		var err error
		if reader, err = r.log.From(b.ctx, nil); err != nil {
			return nil, err
		}
	}
	at := reader.Place()
	figures, err := r.caseSummary(b.ctx, b.viewer, b.filter, allCounts, func() (event.Place, error) { return at, nil })
	if err != nil {
		return nil, err
	}
	figures.Cursor = at.Cursor()
	b.publish(figures)
	return reader, nil
}

// publish makes the figures the latest ones and wakes the watchers.
func (b *board) publish(figures *CaseSummary) {
	b.boards.mu.Lock()
	defer b.boards.mu.Unlock()
	b.boards.seq++ // shared by all boards, so that a restarted board continues above the offsets of its predecessor
	figures.offset = b.boards.seq
	if b.lastChange == nil || figures.CaseCounts != b.lastChange.CaseCounts {
		b.lastChange = figures
	}
	b.latest = figures
	close(b.updated)
	b.updated = make(chan struct{})
}

// fail ends the board: its watchers get the error, and the next watcher starts a new board.
func (b *board) fail(err error) {
	b.boards.mu.Lock()
	defer b.boards.mu.Unlock()
	b.failed = err
	b.remove()
	close(b.updated)
	b.updated = make(chan struct{})
}
