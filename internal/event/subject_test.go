package event

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

func TestEventKeepsWhatWasFoundOut(t *testing.T) {
	t.Parallel()
	e := &Event{Event: model.Event{At: time.Now()}, Then: new(model.Snapshot), Was: new(model.Snapshot)}
	then, was := e.subjects()
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			if a, b := e.subjects(); a != then || b != was {
				t.Error("another reader has other subjects")
			}
		})
	}
	readers.Wait()
	e.forget()
	if a, b := e.subjects(); a == then || b == was || a.Now != e.At || b == nil {
		t.Error("an old event keeps its subjects")
	}
	opened := &Event{Then: new(model.Snapshot)}
	if _, was := opened.subjects(); was != nil {
		t.Error("there is something before the event that opened the case")
	}
	opened.forget()
	if _, was := opened.subjects(); was != nil {
		t.Error("there is something before the event that opened the case")
	}
}

func TestOnlyTheNewestEventsKeepWhatWasFoundOut(t *testing.T) {
	t.Parallel()
	l := New(pgtest.New(t, pgtest.Empty()), slog.New(slog.DiscardHandler))
	defer l.Close()
	shown := func(e *Event) {
		Request{}.shows(e, filter.Unrestricted(model.UserID{}))
	}
	var all []*Event
	for i := range 3 * keptEvents / 2 {
		at := int64(i + 1)
		e := &Event{Event: model.Event{Position: &at, Type: model.EventOpened}, Then: new(model.Snapshot)}
		all = append(all, e)
		shown(e)
		if _, err := l.cache([]*Event{e}, l.nonce()); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range all {
		shown(e) // a reader that is behind
	}
	for i, e := range all {
		if keeps := e.kept.Load() != forgotten; keeps != (i >= len(all)-keptEvents) {
			t.Fatalf("event %d of %d keeps something: %t", i+1, len(all), keeps)
		}
	}
}
