package notify

import (
	"context"
	"errors"
	"testing"

	"github.com/riverqueue/river"
	"go.uber.org/goleak"

	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("waits for the mail that is being sent", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		s.block = make(chan struct{})
		m := w.mailer("smtp://" + s.listen())
		w.start(m)
		id := w.alert("lead@example.com")
		<-s.data
		stopped := make(chan error, 1)
		go func() { stopped <- m.Stop(context.Background()) }()
		select {
		case err := <-stopped:
			t.Fatalf("Stop returned %v before the mail ended", err)
		default:
		}
		close(s.block)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		if n := w.row(id); n.Status != model.NotificationSent {
			t.Errorf("the row is %+v", n)
		}
	})

	t.Run("cancels a mail when its context ends, and the next mailer sends it", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		s.block = make(chan struct{})
		address := "smtp://" + s.listen()
		first := w.mailer(address)
		w.start(first)
		id := w.alert("lead@example.com")
		<-s.data
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := first.Stop(ended); err != nil {
			t.Fatal(err)
		}
		if n := w.row(id); n.Status != model.NotificationQueued || n.Attempts != 0 || n.LastError != nil {
			t.Fatalf("the row is %+v", n)
		}
		close(s.block)
		events := w.start(w.mailer(address))
		w.until(events, river.EventKindJobCompleted)
		if n := w.row(id); n.Status != model.NotificationSent || n.Attempts != 1 {
			t.Errorf("the row is %+v", n)
		}
	})

	t.Run("stores that a mail was sent", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		m := w.mailer("smtp://" + s.listen())
		w.start(m)
		bar := w.Gate.Hold(`UPDATE "notifications"`)
		id := w.alert("lead@example.com")
		<-bar.Reached
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := m.StopAndCancel(ended); !errors.Is(err, context.Canceled) { // cancels the job and does not wait for it
			t.Fatal(err)
		}
		close(bar.Open)
		if err := m.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.one()
		if n := w.row(id); n.Status != model.NotificationSent || n.Attempts != 1 {
			t.Errorf("the row is %+v", n)
		}
	})
}

// Not parallel: goleak looks at all goroutines of the process.
func TestStopLeavesNoGoroutine(t *testing.T) {
	w, s := newWorld(t), newMailServer(t)
	m := w.mailer("smtp://" + s.listen())
	w.alert("lead@example.com")
	before := goleak.IgnoreCurrent()
	m.Start(t.Context())
	s.one()
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	worktest.NoLeak(t, patience, before)
}
