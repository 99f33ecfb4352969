package report

import (
	"context"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Watch is one subscription's position among a board's figures. A slow subscription skips figures: Next returns only the
// newest.
type Watch struct {
	token  model.ApiTokenID
	board  *board
	each   bool
	offset int64
}

// Watch starts to watch the figures that CaseSummary counts, until ctx ends. The first call of Next returns the current
// figures. Next returns figures only when they differ from the previous ones, unless each is true: then it returns them
// after every count. A subscription that selects groups needs each, because groups can change while the totals stay.
func (r *Reports) Watch(ctx context.Context, viewer auth.Viewer, f *filter.Case, each bool) (*Watch, error) {
	key := boardKey{view: viewer.View(), filter: string(f.Raw())}
	if f.Mine() {
		key.viewer = viewer.User.ID
	}
	w := &Watch{token: viewer.TokenID, each: each}
	w.board = r.join(key, viewer, f, w, pg.UsageOf(ctx))
	context.AfterFunc(ctx, func() { w.board.leave(w) })
	if _, err := w.Next(ctx); err != nil { // a new board has no figures yet
		return nil, err
	}
	w.offset-- // so that the caller's first Next returns these figures
	return w, nil
}

// Next waits for figures that it has not returned yet, also while the database is away. An error ends the watch.
func (w *Watch) Next(ctx context.Context) (*CaseSummary, error) {
	for {
		w.board.boards.mu.Lock()
		newest, updated, failed := w.newest(), w.board.updated, w.board.failed
		w.board.boards.mu.Unlock()
		switch {
		case newest.Offset() > w.offset:
			w.offset = newest.Offset()
			return newest, nil
		case failed != nil:
			return nil, failed
		}
		select {
		case <-updated:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

var errClosed = fault.New(fault.CodeInternal, "the server ended this subscription to figures: subscribe again")

// Newest reports whether Next would have to wait.
func (w *Watch) Newest() bool {
	w.board.boards.mu.Lock()
	defer w.board.boards.mu.Unlock()
	return w.newest().Offset() <= w.offset
}

// Offset returns the offset of the figures that Next returned last.
func (w *Watch) Offset() int64 { return w.offset }

// Offset orders the figures that boards publish: newer figures have a higher offset. It is 0 for nil.
func (s *CaseSummary) Offset() int64 {
	if s == nil {
		return 0
	}
	return s.offset
}

// newest returns the figures that Next would return. The caller holds boards.mu.
func (w *Watch) newest() *CaseSummary {
	if w.each {
		return w.board.latest
	}
	return w.board.lastChange
}
