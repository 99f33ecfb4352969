package sample

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/settings"
	"github.com/closeloop/closeloop/internal/user"
)

// now is a Wednesday afternoon, which is within office hours, so that the team works until now.
var now = time.Date(2026, 3, 11, 15, 20, 0, 0, time.UTC)

const patience = 30 * time.Second

// world is an empty database and the options of Run for it.
type world struct {
	t *testing.T
	Options
	log journal
}

func newWorld(t *testing.T, opts ...pgtest.Option) *world {
	t.Helper()
	w := &world{t: t}
	db, log := pgtest.New(t, opts...), slog.New(slog.NewTextHandler(&w.log, nil))
	queue, err := job.NewQueue(db.Pool, log)
	if err != nil {
		t.Fatal(err)
	}
	feed := event.New(db, log)
	t.Cleanup(feed.Close)
	w.Options = Options{DB: db, Configuration: configuration.New(db, time.Now), Feed: feed, Queue: queue, Log: log, Now: func() time.Time { return now }, Every: time.Millisecond}
	return w
}

// staff creates only the users, the settings and the rules.
func (w *world) staff() *staff {
	w.t.Helper()
	users := user.New(w.Configuration, casework.New(w.DB, w.Feed, w.Queue, w.Now), w.Feed, w.Now)
	c, err := createStaff(w.t.Context(), w.DB, users, settings.New(w.Configuration))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := createRules(w.t.Context(), w.DB, rule.New(w.DB, w.Configuration, w.Now), c); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// number returns the result of a query for one number.
func (w *world) number(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.DB.Gorm.Raw(query, args...).Scan(&n).Error; err != nil {
		w.t.Fatal(err)
	}
	return n
}

// table returns a query's rows as text, for comparison.
func (w *world) table(query string) (rows []string) {
	w.t.Helper()
	if err := w.DB.Gorm.Raw(query).Scan(&rows).Error; err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// running is a call of Run in progress; each live step sends one value to steps.
type running struct {
	t     *testing.T
	made  chan struct{}
	steps chan struct{}
	end   context.CancelFunc
	ended chan error
}

func (w *world) run() *running {
	ctx, end := context.WithCancel(w.t.Context())
	r := &running{t: w.t, made: make(chan struct{}), steps: make(chan struct{}), end: end, ended: make(chan error, 1)}
	o := w.Options
	o.Made = func() { close(r.made) } // a second call panics
	o.Step = func() {
		select {
		case r.steps <- struct{}{}:
		case <-ctx.Done():
		}
	}
	go func() { r.ended <- Run(ctx, o) }()
	w.t.Cleanup(end)
	return r
}

func (r *running) wait(steps int) {
	r.t.Helper()
	for range steps {
		select {
		case <-r.steps:
		case err := <-r.ended:
			r.t.Fatalf("Run ended with %v before the step", err)
		case <-time.After(patience):
			r.t.Fatal("Run took no live step in time")
		}
	}
}

// stop ends the context and waits for Run.
func (r *running) stop() {
	r.t.Helper()
	r.end()
	r.until()
}

// until waits for Run to end without an error.
func (r *running) until() {
	r.t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Errorf("Run returned %v, want nil", err)
		}
	case <-time.After(patience):
		r.t.Fatal("Run has not ended in time")
	}
}

// journal keeps the log; several goroutines write.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) has(s string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Contains(j.text.Bytes(), []byte(s))
}
