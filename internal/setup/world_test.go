package setup_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/model"
)

var start = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// world is a database with the writes over it, an administrator who calls them, and a clock that is set between calls.
type world struct {
	t     *testing.T
	db    *pg.DB
	work  *casework.Work
	setup *setup.Setup
	admin auth.Viewer
	now   time.Time
	gate  gate
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := newEmptyWorld(t)
	w.admin = auth.Viewer{User: w.user("root@care.example", model.Admin)}
	return w
}

// newEmptyWorld has no users yet.
func newEmptyWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: start}
	w.db = pgtest.New(t, pgtest.WithTracer(&w.gate))
	quiet := slog.New(slog.DiscardHandler)
	log := event.New(w.db, quiet)
	t.Cleanup(log.Close)
	queue, err := job.NewQueue(w.db.Pool, quiet)
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return w.now }
	w.work = casework.New(w.db, log, queue, clock)
	w.setup = setup.New(w.db, w.work, log, clock)
	return w
}

// gate holds whoever comes to a statement, until it is opened. It is open until it is shut.
type gate struct{ shut atomic.Pointer[bar] }

type bar struct {
	before        string // the statement has this in it
	reached, open chan struct{}
}

// hold shuts the gate before the next statement that has the text in it.
func (g *gate) hold(before string) *bar {
	b := &bar{before: before, reached: make(chan struct{}), open: make(chan struct{})}
	g.shut.Store(b)
	return b
}

func (g *gate) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if b := g.shut.Load(); b != nil && strings.Contains(data.SQL, b.before) && g.shut.CompareAndSwap(b, nil) {
		close(b.reached)
		<-b.open
	}
	return ctx
}

func (*gate) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// waits looks until somebody waits for a lock, or has come to an end without.
func (w *world) waits(ended <-chan struct{}) bool {
	w.t.Helper()
	for {
		select {
		case <-ended:
			return false
		default:
		}
		if w.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0 {
			return true
		}
	}
}

// atOnce runs as many calls, lets them go together, and waits for all.
func atOnce(calls int, do func(i int)) {
	let := make(chan struct{})
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() {
			<-let
			do(i)
		})
	}
	close(let)
	all.Wait()
}

func (w *world) user(email string, role model.Role) *model.User {
	w.t.Helper()
	u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: email, Email: email, Role: role, Active: true, CreatedAt: start}
	u.Fold()
	w.create(u)
	return u
}

// open opens a case for the user by hand.
func (w *world) open(assignee *model.User) *model.Case {
	w.t.Helper()
	in, err := w.work.SubmitResponse(w.t.Context(), w.admin, casework.SubmitResponseInput{Score: 3})
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.work.OpenCase(w.t.Context(), w.admin, casework.OpenCaseInput{ResponseID: &in.Response.ID, Note: "They called.", AssigneeID: &assignee.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Case
}

func (w *world) rule(in setup.CreateRuleInput) *model.Rule {
	w.t.Helper()
	out, err := w.setup.CreateRule(w.t.Context(), in)
	if err != nil {
		w.t.Fatalf("make a rule: %v", err)
	}
	return out.Rule
}

func (w *world) create(row any) {
	w.t.Helper()
	if err := w.db.Gorm.Create(row).Error; err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) must(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Pool.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) count(sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.Pool.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// read gives the row with the id, as it is in the database.
func read[T, ID any](w *world, id ID) *T {
	w.t.Helper()
	row := new(T)
	if err := w.db.Gorm.Where("id = ?", id).Take(row).Error; err != nil {
		w.t.Fatalf("read a %T: %v", row, err)
	}
	return row
}

func given[T any](v T) graphql.Omittable[*T] { return graphql.OmittableOf(&v) }

func cleared[T any]() graphql.Omittable[*T] { return graphql.OmittableOf[*T](nil) }

// refused asserts a fault of that code and argument.
func refused(t *testing.T, what string, err error, code fault.Code, argument string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code || f.Argument != argument {
		t.Errorf("%s: %+v, not a %s of %s", what, err, code, argument)
		return
	}
	if f.Message == "" {
		t.Errorf("%s: the fault has no words", what)
	}
}
