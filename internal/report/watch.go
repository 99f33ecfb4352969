package report

import (
	"context"
	"sync"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	apart   = 500 * time.Millisecond // between two counts of one board: twice a second at most
	anyway  = time.Minute            // a board is counted again by then, for time alone moves figures
	retry   = time.Second            // while the database is away
	atATime = 2                      // counts of this server; the others wait their turn
)

// boards are the figures that somebody watches. Each is counted once for all who watch it on this server: N of them
// cost N counts of one statement, each twice a second at most, atATime of them at once; what nobody watches costs
// nothing. None of them asks for the log's head: each follows the log from memory.
type boards struct {
	apart, anyway, retry time.Duration
	turn                 chan struct{} // holds atATime

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	open map[boardKey]*board
	seq  int64 // of all that boards said
}

func newBoards() *boards {
	b := &boards{apart: apart, anyway: anyway, retry: retry, turn: make(chan struct{}, atATime), open: map[boardKey]*board{}}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// boardKey is all that figures depend on, besides the clock.
type boardKey struct {
	view   string
	viewer model.UserID // where the filter asks for what is theirs
	filter string
}

// board is the figures of one filter as one view shows them, kept up to date.
type board struct {
	key    boardKey
	of     *boards
	viewer auth.Viewer // one of those whose view it is
	filter *filter.Case
	ctx    context.Context // ends when the last watcher has left
	cancel context.CancelFunc

	// Guarded by boards.mu.
	watchers int
	failed   error         // why there will be no figures any more
	counted  *CaseSummary  // the newest; nil: none yet. Written by keep alone, and never changed once it is here
	moved    *CaseSummary  // the newest that differ from those before
	said     chan struct{} // closed, and replaced, when any of these changes
}

// Watch is one subscription's place among a board's figures. What it has not taken when newer ones come is left out.
type Watch struct {
	board *board
	each  bool
	at    int64
}

// Watch begins to watch the figures that CaseSummary counts, until ctx ends: the first that Next gives are those of now.
// With each, Next gives them after every count, even where the figures are the same as before: for who splits them into
// groups, which may have changed all the same.
func (r *Reports) Watch(ctx context.Context, viewer auth.Viewer, f *filter.Case, each bool) (*Watch, error) {
	key := boardKey{view: viewer.View(), filter: string(f.Raw())}
	if f.Mine() {
		key.viewer = viewer.User.ID
	}
	b := r.join(key, viewer, f)
	context.AfterFunc(ctx, b.leave)
	w := &Watch{board: b, each: each}
	if _, err := w.Next(ctx); err != nil { // a board that was just begun has none yet
		return nil, err
	}
	w.at-- // before the newest
	return w, nil
}

// Next waits for figures that were not given yet. While the database is away it waits; an error ends the watch.
func (w *Watch) Next(ctx context.Context) (*CaseSummary, error) {
	for {
		w.board.of.mu.Lock()
		newest, said, failed := w.newest(), w.board.said, w.board.failed
		w.board.of.mu.Unlock()
		switch {
		case newest.Place() > w.at:
			w.at = newest.Place()
			return newest, nil
		case failed != nil:
			return nil, failed
		}
		select {
		case <-said:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

var errEnded = fault.New(fault.CodeInternal, "the figures have ended here; subscribe again")

// Newest tells whether Next would have to wait.
func (w *Watch) Newest() bool {
	w.board.of.mu.Lock()
	defer w.board.of.mu.Unlock()
	return w.newest().Place() <= w.at
}

// Place is where the watch has got to.
func (w *Watch) Place() int64 { return w.at }

// Place orders what is watched: newer figures have a higher one.
func (s *CaseSummary) Place() int64 {
	if s == nil {
		return 0
	}
	return s.at
}

// newest is what Next would give; the caller holds the lock.
func (w *Watch) newest() *CaseSummary {
	if w.each {
		return w.board.counted
	}
	return w.board.moved
}

// join finds the board, or begins it.
func (r *Reports) join(key boardKey, viewer auth.Viewer, f *filter.Case) *board {
	bs := r.boards
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b := bs.open[key]
	if b == nil {
		b = &board{key: key, of: bs, viewer: viewer, filter: f, said: make(chan struct{})}
		b.ctx, b.cancel = context.WithCancel(bs.ctx)
		bs.open[key] = b
		if bs.ctx.Err() == nil {
			bs.running.Go(func() { r.keep(b) })
		} else {
			b.failed = errEnded
		}
	}
	b.watchers++
	return b
}

// leave is one watcher's; the last ends the board.
func (b *board) leave() {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	if b.watchers--; b.watchers == 0 {
		b.forget()
		b.cancel()
	}
}

// forget has who comes next begin another board; the caller holds the lock.
func (b *board) forget() {
	if b.of.open[b.key] == b {
		delete(b.of.open, b.key)
	}
}

// Close ends what is watched, and waits for it.
func (r *Reports) Close() {
	r.boards.mu.Lock()
	r.boards.stop() // nothing begins from here on
	r.boards.mu.Unlock()
	r.boards.running.Wait()
}

// keep counts the board at once, right after each event that touches it, and once a minute; not faster than apart. While
// the database is away it tries on; whoever comes first then is told so.
func (r *Reports) keep(b *board) {
	var reader *event.Reader
	for b.ctx.Err() == nil {
		var err error
		if reader, err = r.count(b, reader); err == nil {
			err = b.await(reader)
		}
		switch {
		case err == nil:
		case fault.Is(err, fault.CodeFeedReset): // a failover lost the place: on from the new head
			reader = nil
		case pg.Away(err) && b.counted != nil:
			reader = nil
			select {
			case <-time.After(b.of.retry):
			case <-b.ctx.Done():
			}
		default:
			b.fail(err)
			return
		}
	}
	b.fail(errEnded)
}

// await returns when it is time to count again.
func (b *board) await(reader *event.Reader) error {
	counted := time.Now()
	for wait := b.of.anyway; ; {
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
		for _, e := range events {
			if e.Touches(b.filter, b.viewer.User.ID) {
				wait = b.of.apart
			}
		}
	}
}

// count counts once, and says so. The figures hold all up to the reader's place; it begins one where there is none,
// and gives none where it fails.
func (r *Reports) count(b *board, reader *event.Reader) (*event.Reader, error) {
	select {
	case b.of.turn <- struct{}{}:
		defer func() { <-b.of.turn }()
	case <-b.ctx.Done():
		return nil, b.ctx.Err()
	}
	if reader == nil {
		var err error
		if reader, err = r.log.From(b.ctx, nil); err != nil {
			return nil, err
		}
	}
	cursor := reader.Cursor()
	now, err := r.CaseSummary(b.ctx, b.viewer, b.filter, false)
	if err != nil {
		return nil, err
	}
	now.Cursor = cursor
	b.say(now)
	return reader, nil
}

// say makes the figures known.
func (b *board) say(now *CaseSummary) {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	b.of.seq++ // of all boards: one that was begun anew goes on above the places of the one before
	now.at = b.of.seq
	if b.moved == nil || now.CaseCounts != b.moved.CaseCounts {
		b.moved = now
	}
	b.counted = now
	close(b.said)
	b.said = make(chan struct{})
}

// fail ends the board: who watches is told, and who comes next begins another.
func (b *board) fail(err error) {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	b.failed = err
	b.forget()
	close(b.said)
	b.said = make(chan struct{})
}
