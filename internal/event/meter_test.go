package event_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/model"
)

func TestWatcherPastItsTokensTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.follow(w.db, 0, 0)
	work := rate.NewWork(time.Nanosecond, func(model.ApiTokenID) time.Duration { return 0 }, time.Now) // one decision takes the time of an hour
	greedy, modest := model.ApiTokenID{UUID: model.NewUUID()}, model.ApiTokenID{UUID: model.NewUUID()}
	watch := func(s *filter.Scope, q event.Request, sharers *atomic.Pointer[[]model.ApiTokenID]) *event.Watcher {
		q.Meter = &event.Meter{Work: work, Tokens: func(context.Context) []model.ApiTokenID { return *sharers.Load() }}
		watcher, err := l.Watch(t.Context(), s, q)
		w.must(err)
		return watcher
	}
	next := func(watcher *event.Watcher, within time.Duration) ([]model.CaseEvent, error) {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		for {
			if shown, err := watcher.Next(ctx); len(shown) > 0 || err != nil {
				return shown, err
			}
		}
	}
	sharedBy := func(tokens ...model.ApiTokenID) *atomic.Pointer[[]model.ApiTokenID] {
		var p atomic.Pointer[[]model.ApiTokenID]
		p.Store(&tokens)
		return &p
	}
	all := filter.Unrestricted(w.ann)
	german := request(`{"customer": {"country": {"eq": "DE"}}}`)
	mine, yours := sharedBy(greedy), sharedBy(modest)
	filtered, scoped, open := watch(all, german, mine), watch(w.scoped("DE"), request(""), mine), watch(all, request(""), mine)
	other := watch(all, german, yours)

	s := w.open()
	l.Wake()
	if shown, err := next(filtered, patience); err != nil || len(shown) != 1 {
		t.Fatalf("the first event: %v, %v", shown, err)
	}
	before, _ := filtered.Position()
	w.moves(s, 1) // to another country
	l.Wake()
	for name, behind := range map[string]*event.Watcher{"with a filter": filtered, "with a scope": scoped} {
		if shown, err := next(behind, 300*time.Millisecond); len(shown) > 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a watcher %s whose token has no time left: %v, %v", name, shown, err)
		}
	}
	if at, _ := filtered.Position(); at != before {
		t.Errorf("it is at %d; want %d", at, before)
	}
	if shown, err := next(other, patience); err != nil || len(shown) == 0 {
		t.Errorf("a watcher of another token: %v, %v", shown, err)
	}
	if shown, err := next(open, patience); err != nil || len(shown) == 0 {
		t.Errorf("a watcher with nothing to decide: %v, %v", shown, err)
	}
	fresh := model.ApiTokenID{UUID: model.NewUUID()}
	mine.Store(&[]model.ApiTokenID{greedy, fresh})
	if shown, err := next(filtered, patience); err != nil || len(shown) != 1 || shown[0].Logged().Version != 2 {
		t.Errorf("a watcher that another token shares: %v, %v; want the event that it waited for", shown, err)
	}
}
