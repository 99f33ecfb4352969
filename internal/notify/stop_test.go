package notify

import (
	"context"
	"errors"
	"testing"

	"github.com/riverqueue/river"
	"go.uber.org/goleak"

	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

func TestStopWaitsForTheMailUnderWay(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	s.hold = make(chan struct{})
	m := w.mailer("smtp://" + s.listen())
	w.start(m)
	id := w.alert("lead@example.com")
	<-s.data
	stopped := make(chan error, 1)
	go func() { stopped <- m.Stop(context.Background()) }()
	close(s.hold)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if n := w.row(id); n.Status != model.NotificationSent {
		t.Errorf("the row is %+v", n)
	}
}

func TestStopBreaksAMailOffWhenItsContextEndsAndTheNextMailerSendsIt(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	s.hold = make(chan struct{})
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
	close(s.hold)
	events := w.start(w.mailer(address))
	w.until(events, river.EventKindJobCompleted)
	if n := w.row(id); n.Status != model.NotificationSent || n.Attempts != 1 {
		t.Errorf("the row is %+v", n)
	}
}

func TestAMailThatWentOutIsWrittenDownAlthoughTheServerStops(t *testing.T) {
	t.Parallel()
	gate := &gate{before: `UPDATE "notifications"`, reached: make(chan struct{}), open: make(chan struct{})}
	w, s := newWorld(t, pgtest.WithTracer(gate)), newMailServer(t)
	m := w.mailer("smtp://" + s.listen())
	w.start(m)
	id := w.alert("lead@example.com")
	<-gate.reached
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.StopAndCancel(ended); !errors.Is(err, context.Canceled) { // tells the job to end, and waits for nothing
		t.Fatal(err)
	}
	close(gate.open)
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.one()
	if n := w.row(id); n.Status != model.NotificationSent || n.Attempts != 1 {
		t.Errorf("the row is %+v", n)
	}
}

// Not parallel: it looks at all goroutines of the process.
func TestAMailerThatHasStoppedLeavesNoGoroutine(t *testing.T) {
	w, s := newWorld(t), newMailServer(t)
	m := w.mailer("smtp://" + s.listen())
	w.alert("lead@example.com")
	already := goleak.IgnoreCurrent()
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.one()
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, already,
		goleak.IgnoreTopFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck")) // the database's own
}
