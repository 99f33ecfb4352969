package event_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// request is a request with a CaseFilter in JSON and types; an empty filter and no types request all events.
func request(text string, types ...model.CaseEventType) event.Request {
	q := event.Request{Types: types}
	if text != "" {
		v, err := filter.Decode(json.RawMessage(text))
		if err == nil {
			q.Filter = new(filter.Case)
			err = q.Filter.UnmarshalGQL(v)
		}
		if err != nil {
			panic(err)
		}
	}
	return q
}

// taken turns a watch into a channel, which is closed when the watch ends. Before that, the callback gets its error.
func taken(ctx context.Context, l *event.Log, scope *filter.Scope, q event.Request, fail func(error)) (<-chan model.CaseEvent, error) {
	w, err := l.Watch(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	events := make(chan model.CaseEvent)
	go func() {
		defer close(events)
		for {
			some, err := w.Next(ctx)
			if err != nil {
				if fault.Is(err, fault.CodeFeedReset) {
					fail(err)
				}
				return
			}
			for _, e := range some {
				if w.Outdated(e) {
					break
				}
				select {
				case events <- e:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return events, nil
}

// watch watches until the test ends; a FEED_RESET fails the test.
func (w *world) watch(l *event.Log, viewer model.UserID, q event.Request) <-chan model.CaseEvent {
	w.t.Helper()
	watched, err := taken(w.t.Context(), l, filter.Unrestricted(viewer), q, func(err error) { w.t.Error(err) })
	w.must(err)
	return watched
}

func (w *world) get(watched <-chan model.CaseEvent) *model.LoggedEvent {
	w.t.Helper()
	select {
	case e, ok := <-watched:
		if !ok {
			w.t.Fatal("the watch has ended")
		}
		return e.Logged()
	case <-time.After(patience):
		w.t.Fatal("no event came")
		return nil
	}
}

func closed(t *testing.T, watched <-chan model.CaseEvent) {
	t.Helper()
	for {
		select {
		case _, open := <-watched:
			if !open {
				return
			}
		case <-time.After(patience):
			t.Fatal("the watch goes on")
		}
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	t.Run("returns the types that it asks for", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		given := w.watch(l, w.ann, request("", model.EventAssigned, model.EventOpened))
		all := w.watch(l, w.ann, request(""))
		none := w.watch(l, w.ann, event.Request{Types: []model.CaseEventType{}})
		s := w.open()
		w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.move(tx, "FR") })
		w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.give(tx, &w.bob) })
		l.Wake()
		for _, want := range []model.CaseEventType{model.EventOpened, model.EventAssigned} {
			if got := w.get(given); got.Type != want || !got.Matches {
				t.Errorf("%s, matches %t; want %s", got.Type, got.Matches, want)
			}
		}
		for _, want := range []model.CaseEventType{model.EventOpened, model.EventDetailsChanged, model.EventAssigned} {
			if got := w.get(all); got.Type != want {
				t.Errorf("%s; want %s", got.Type, want)
			}
		}
		select {
		case e := <-none:
			t.Errorf("an empty list of types asks for nothing; %s came", e.Logged().Type)
		default:
		}
	})

	t.Run("tells whether the case enters, stays or leaves", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		french := w.watch(l, w.ann, request(`{"customer": {"country": {"eq": "fr"}}}`))
		anns, bobs := w.watch(l, w.ann, request(`{"mine": true}`)), w.watch(l, w.bob, request(`{"mine": true}`))
		others := w.watch(l, w.ann, request(`{"mine": false}`, model.EventAssigned))
		s := w.open()
		to := func(country string) {
			w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.move(tx, country) })
		}
		give := func(to *model.UserID) {
			w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.give(tx, to) })
		}
		to("IT")     // 2: outside both filters
		to("FR")     // 3: enters the filter of France
		give(&w.ann) // 4: stays; enters that of Ann
		give(&w.bob) // 5: stays; leaves that of Ann, enters that of Bob
		to("DE")     // 6: leaves that of France; stays in that of Bob
		give(nil)    // 7: leaves that of Bob
		to("FR")     // 8: enters that of France again
		l.Wake()
		for name, c := range map[string]struct {
			watched <-chan model.CaseEvent
			want    map[int]bool // version → matches
			order   []int
		}{
			"France":    {french, map[int]bool{3: true, 4: true, 5: true, 6: false, 8: true}, []int{3, 4, 5, 6, 8}},
			"Ann":       {anns, map[int]bool{4: true, 5: false}, []int{4, 5}},
			"Bob":       {bobs, map[int]bool{5: true, 6: true, 7: false}, []int{5, 6, 7}},
			"not Ann's": {others, map[int]bool{4: false, 5: true, 7: true}, []int{4, 5, 7}},
		} {
			for _, version := range c.order {
				got := w.get(c.watched)
				if got.Version != version || got.Matches != c.want[version] {
					t.Errorf("%s: version %d, matches %t; want %d, %t", name, got.Version, got.Matches, version, c.want[version])
				}
			}
		}
	})

	// The filter is evaluated on the case right after the event, at the event's time, not on its current state.
	t.Run("decides in a replay as it did live", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		q := request(`{"customer": {"country": {"eq": "FR"}}, "updatedAt": {"withinLast": "PT0S"}}`) // updated at the time of the event
		live := w.watch(l, w.ann, q)
		s := w.open()
		for _, country := range []string{"FR", "FR", "DE", "FR"} {
			w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.move(tx, country) })
		}
		l.Wake()
		q.After = w.start(l)
		replay := w.watch(l, w.ann, q)
		for range 3 { // the departure to DE does not match: the state before it was updated earlier
			a, b := w.get(live), w.get(replay)
			if a.ID != b.ID || a.Matches != b.Matches || !a.Matches || a.Cursor != b.Cursor {
				t.Errorf("live: version %d, matches %t; replayed: version %d, matches %t", a.Version, a.Matches, b.Version, b.Matches)
			}
		}
	})

	t.Run("tells that its position was lost", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		s := w.open()
		w.moves(s, 9)
		q := request("")
		q.After = w.start(l)
		failed := make(chan error, 2)
		watched, err := taken(t.Context(), l, filter.Unrestricted(w.ann), q, func(err error) { failed <- err })
		w.must(err)
		for range 10 {
			w.get(watched)
		}
		w.failOver(7)
		l.Wake()
		closed(t, watched)
		if err := within(t, failed); !is(err, fault.CodeFeedReset, "after") {
			t.Error(err)
		}
		if q.After = w.cursor("0123456789abcdef", 1); true {
			_, err := l.Watch(t.Context(), filter.Unrestricted(w.ann), q)
			if !is(err, fault.CodeFeedReset, "after") {
				t.Errorf("a watch from a place that is lost already: %v", err)
			}
		}
	})

	t.Run("that is slow delays no other and misses nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 20_000)
		slow, quick := w.watch(l, w.ann, request("")), w.watch(l, w.ann, request(""))
		w.moves(w.open(), 199)
		l.Wake()
		for version := range 200 {
			if got := w.get(quick); got.Version != version+1 {
				t.Fatalf("the quick one got version %d; want %d", got.Version, version+1)
			}
		}
		if first, _, _, _ := l.Cached(); first < 50 {
			t.Fatalf("positions from %d on are cached: the slow one is not slow enough", first)
		}
		for version := range 200 {
			if got := w.get(slow); got.Version != version+1 {
				t.Fatalf("the slow one got version %d; want %d", got.Version, version+1)
			}
		}
	})

	t.Run("knows its position and whether it is the newest", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		w.moves(w.open(), 4)
		q := request("", model.EventOpened)
		q.After = w.start(l)
		l.Wake()
		w.take(w.from(l, q.After), 5) // the server has cached all five, so that only the last is the case's newest
		watcher, err := l.Watch(t.Context(), filter.Unrestricted(w.ann), q)
		w.must(err)
		shown := 0
		for position := int64(0); position < 5; {
			events, err := watcher.Next(t.Context())
			w.must(err)
			shown += len(events)
			if position, _ = watcher.Position(); position < 5 && watcher.Newest() {
				t.Fatalf("%d is not the newest place", position)
			}
		}
		// The position also moves past events that do not match.
		if _, cursor := watcher.Position(); shown != 1 || cursor != *w.head(l) || !watcher.Newest() {
			t.Errorf("%d events were shown; the place is %s, newest: %t", shown, cursor, watcher.Newest())
		}
	})
}

// The test is not parallel, because it looks for leaked goroutines.
func TestWatchEndsWithItsContextAndWithTheLogAndLeavesNothingBehind(t *testing.T) {
	w := newWorld(t)
	before := goleak.IgnoreCurrent()
	l := event.New(w.db, nil)
	l.Follow()
	ctx, cancel := context.WithCancel(t.Context())
	fail := func(err error) { t.Errorf("it ended with %v", err) }
	mine, err := taken(ctx, l, filter.Unrestricted(w.ann), request(""), fail)
	w.must(err)
	w.open()
	l.Wake()
	w.get(mine)
	cancel()
	closed(t, mine)
	idle, err := taken(t.Context(), l, filter.Unrestricted(w.ann), request(""), fail)
	w.must(err)
	l.Wake()
	ended := make(chan bool, 1)
	go func() { l.Close(); ended <- true }()
	within(t, ended)
	closed(t, idle)
	late, err := taken(t.Context(), l, filter.Unrestricted(w.ann), request(""), fail)
	w.must(err)
	closed(t, late)
	l.Close() // a second call has no effect
	w.must(w.db.Close())
	// goleak waits one second for goroutines that are ending; on a busy machine they may need longer.
	for end := time.Now().Add(patience); goleak.Find(before) != nil && time.Now().Before(end); {
	}
	goleak.VerifyNone(t, before)
}
