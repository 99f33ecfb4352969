package event

import (
	"context"

	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

// Meter bounds the time that a watcher takes to decide its filter and its scope, and lets a token that owes points wait. Whoever
// has no time left falls behind: the
// watcher keeps its position, and waits.
type Meter struct {
	Work   *rate.Work
	Tokens func(ctx context.Context) []model.ApiTokenID // that share what Next is called for with this context; one at least
}

// decision is whether an event is to be shown, as far as its snapshots tell, and whether the case matches the filter after
// it.
type decision struct{ matches, shown bool }

// decide decides on the events in the watcher's turn. It returns rate.ErrBehind if the watcher would have to wait for it.
func (w *Watcher) decide(ctx context.Context, events []*Event) ([]decision, error) {
	if len(events) > 0 && w.asked.Meter != nil && w.turn == nil {
		if err := w.tryTurn(ctx); err != nil {
			return nil, err
		}
	}
	defer w.endTurn()
	decided := make([]decision, len(events))
	for i, e := range events {
		if ctx.Err() != nil { // nobody waits for the rest of a long page
			return nil, ctx.Err()
		}
		decided[i].matches, decided[i].shown = w.asked.shows(e, w.scope)
	}
	return decided, nil
}

// deciding reports whether there is anything to decide that takes time.
func (w *Watcher) deciding() bool { return w.asked.Filter != nil || w.scope.Restricted() }

// tryTurn begins the watcher's turn. A watcher without anything to decide needs none, but a token that does not owe points.
func (w *Watcher) tryTurn(ctx context.Context) (err error) {
	if !w.deciding() {
		return w.asked.Meter.Work.Paid(w.tokens(ctx)())
	}
	w.turn, err = w.asked.Meter.Work.Try(ctx, w.tokens(ctx))
	return err
}

// awaitTurn waits until tryTurn may succeed.
func (w *Watcher) awaitTurn(ctx context.Context) (err error) {
	if !w.deciding() {
		return w.asked.Meter.Work.AwaitPaid(ctx, w.tokens(ctx))
	}
	w.turn, err = w.asked.Meter.Work.Begin(ctx, w.tokens(ctx))
	return err
}

func (w *Watcher) endTurn() {
	if w.turn != nil {
		w.turn()
		w.turn = nil
	}
}

func (w *Watcher) tokens(ctx context.Context) func() []model.ApiTokenID {
	return func() []model.ApiTokenID { return w.asked.Meter.Tokens(ctx) }
}
