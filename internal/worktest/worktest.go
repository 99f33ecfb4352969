// Package worktest gives tests a database with casework on top, an administrator as the caller, and a clock that the test
// sets. Packages share it, so that their tests do not copy each other's set-up.
//
// It is only for tests: no other code imports it.
package worktest

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// Start is the time that the clock of a new world shows.
var Start = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// World is a database of the test's own with casework on top.
type World struct {
	T     *testing.T
	DB    *pg.DB
	Log   *event.Log
	Queue *job.Queue
	Work  *casework.Work
	// Revisions is that of all that changes the configuration in the test's process.
	Revisions *configuration.Revisions
	Admin     auth.Viewer // the only user of New
	Agent     auth.Viewer // the only user of NewWithAgent
	Time      time.Time   // what the clock shows, before Later; set it only while no call is running
	// Clock replaces Time where it is set: time.Now for tests whose goroutines need a clock that runs.
	Clock func() time.Time
	Gate  Gate
	// Deadlocks counts the statements that PostgreSQL refused, to end a deadlock.
	Deadlocks atomic.Int64

	caller auth.Viewer  // makes the calls of the helpers: Admin or Agent
	moved  atomic.Int64 // how far Later and At moved the clock, in nanoseconds
	rules  int          // how many rules there are
}

// New makes a world with one user, the administrator.
func New(t *testing.T) *World {
	t.Helper()
	w := NewEmpty(t)
	w.Admin = auth.Viewer{User: w.User("root@care.example", model.Admin)}
	w.caller = w.Admin
	return w
}

// NewWithAgent makes a world with one user, an agent.
func NewWithAgent(t *testing.T, opts ...pgtest.Option) *World {
	t.Helper()
	w := NewEmpty(t, opts...)
	w.Agent = auth.Viewer{User: w.User("agnes@care.example", model.Agent)}
	w.caller = w.Agent
	return w
}

// NewEmpty makes a world without users.
func NewEmpty(t *testing.T, opts ...pgtest.Option) *World {
	t.Helper()
	w := &World{T: t, Time: Start}
	w.DB = pgtest.New(t, append([]pgtest.Option{pgtest.WithTracer(tracer{&w.Gate, &w.Deadlocks})}, opts...)...)
	quiet := slog.New(slog.DiscardHandler)
	w.Log = event.New(w.DB, quiet)
	t.Cleanup(w.Log.Close)
	var err error
	if w.Queue, err = job.NewQueue(w.DB.Pool, quiet); err != nil {
		t.Fatal(err)
	}
	w.Revisions = configuration.New(w.DB, w.Now)
	w.Work = casework.New(w.DB, w.Log, w.Queue, w.Now)
	return w
}

// Now is the world's clock.
func (w *World) Now() time.Time {
	base := w.Time
	if w.Clock != nil {
		base = w.Clock()
	}
	return base.Add(time.Duration(w.moved.Load()))
}

// Later moves the clock on, also while calls are running.
func (w *World) Later(d time.Duration) { w.moved.Add(int64(d)) }

// At moves the clock to a time, forward or back. It needs a world without Clock.
func (w *World) At(t time.Time) { w.moved.Store(int64(t.Sub(w.Time))) }

// Waits polls until a statement waits for a lock, and returns true; it returns false when ended is closed first.
func (w *World) Waits(ended <-chan struct{}) bool {
	w.T.Helper()
	for {
		select {
		case <-ended:
			return false
		default:
		}
		if w.Count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0 {
			return true
		}
	}
}

// AtOnce runs do in as many goroutines as calls, starts all of them at the same time, and waits for all.
func AtOnce(calls int, do func(i int)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	all.Wait()
}

// User writes a user, who is active unless a change says otherwise.
func (w *World) User(email string, role model.Role, changes ...func(*model.User)) *model.User {
	w.T.Helper()
	u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: email, Email: email, Role: role, Active: true, CreatedAt: Start}
	for _, change := range changes {
		change(u)
	}
	u.Fold()
	w.Create(u)
	return u
}

// Viewer writes an active user with the role and returns this user as a viewer.
func (w *World) Viewer(role model.Role) auth.Viewer {
	w.T.Helper()
	return auth.Viewer{User: w.User(model.NewUUID().String()+"@care.example", role)}
}

// Open opens a case by hand, on a new response of a new customer, and assigns it to the user, if there is one.
func (w *World) Open(assignee *model.User) *model.Case {
	w.T.Helper()
	response := w.Submit(intake.SubmitResponseInput{Score: 3}).Response
	in := casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: "They called."}
	if assignee != nil {
		in.AssigneeID = &assignee.ID
	}
	out, err := w.Work.OpenCase(w.T.Context(), w.caller, in)
	if err != nil {
		w.T.Fatalf("open a case: %v", err)
	}
	return out.Case
}

// Create inserts the row.
func (w *World) Create(row any) {
	w.T.Helper()
	if err := w.DB.Gorm.Create(row).Error; err != nil {
		w.T.Fatal(err)
	}
}

// Must runs a statement.
func (w *World) Must(sql string, args ...any) {
	w.T.Helper()
	if err := w.Exec(sql, args...); err != nil {
		w.T.Fatal(err)
	}
}

// Count runs a query that returns one number.
func (w *World) Count(sql string, args ...any) (n int) {
	w.T.Helper()
	if err := w.DB.Pool.QueryRow(w.T.Context(), sql, args...).Scan(&n); err != nil {
		w.T.Fatalf("%s: %v", sql, err)
	}
	return n
}

// Read returns the row with the id, as it is in the database.
func Read[Row, ID any](t *testing.T, db *pg.DB, id ID) *Row {
	t.Helper()
	row := new(Row)
	if err := db.Gorm.Where("id = ?", id).Take(row).Error; err != nil {
		t.Fatalf("read a %T: %v", row, err)
	}
	return row
}

// Given returns an input field with a value.
func Given[T any](v T) graphql.Omittable[*T] { return graphql.OmittableOf(&v) }

// Null returns an input field with null as its value.
func Null[T any]() graphql.Omittable[*T] { return graphql.OmittableOf[*T](nil) }

// Refused checks that err is a fault with the code, the argument and a message.
func Refused(t *testing.T, what string, err error, code fault.Code, argument string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code || f.Argument != argument {
		t.Errorf("%s: %+v, want a fault %s of %s", what, err, code, argument)
		return
	}
	if f.Message == "" {
		t.Errorf("%s: the fault has no message", what)
	}
}
