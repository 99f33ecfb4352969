package casework_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

var start = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// world is a database with the writes over it, an agent who calls them, and a clock that stands until it is moved.
type world struct {
	t         *testing.T
	db        *pg.DB
	work      *casework.Work
	queue     *job.Queue
	themes    *theme.Themes
	agent     auth.Viewer
	moved     atomic.Int64
	rules     int
	deadlocks deadlocks
}

func newWorld(t *testing.T, opts ...pgtest.Option) *world {
	t.Helper()
	w := &world{t: t}
	w.db = pgtest.New(t, append([]pgtest.Option{pgtest.WithTracer(&w.deadlocks)}, opts...)...)
	quiet := slog.New(slog.DiscardHandler)
	log := event.New(w.db, quiet)
	t.Cleanup(log.Close)
	queue, err := job.NewQueue(w.db.Pool, quiet)
	if err != nil {
		t.Fatal(err)
	}
	w.queue = queue
	w.work = casework.New(w.db, log, queue, w.now)
	w.themes = theme.New(w.db, queue, w.now)
	w.agent = auth.Viewer{User: w.user("agnes@care.example", model.Agent)}
	return w
}

func (w *world) now() time.Time { return start.Add(time.Duration(w.moved.Load())) }

func (w *world) later(d time.Duration) { w.moved.Add(int64(d)) }

// at moves the clock to a time, be it forward or back.
func (w *world) at(t time.Time) { w.moved.Store(int64(t.Sub(start))) }

// deadlocks counts the statements that PostgreSQL refused to break a circle of waiting.
type deadlocks struct{ atomic.Int64 }

func (*deadlocks) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (d *deadlocks) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	var refused *pgconn.PgError
	if errors.As(data.Err, &refused) && refused.Code == "40P01" {
		d.Add(1)
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

// submit takes a response in that must go in.
func (w *world) submit(in intake.SubmitResponseInput) *intake.SubmitResponsePayload {
	w.t.Helper()
	out, err := intake.New(w.work).Submit(w.t.Context(), w.agent, in)
	if err != nil {
		w.t.Fatalf("submit %+v: %v", in, err)
	}
	return out
}

// submitAll takes a batch in, of which all must go in.
func (w *world) submitAll(o intake.SubmitOptions, batch ...intake.Submission) []intake.Outcome {
	w.t.Helper()
	outcomes, err := intake.New(w.work).SubmitAll(w.t.Context(), w.agent, batch, o)
	if err != nil {
		w.t.Fatalf("submit a batch: %v", err)
	}
	for i, o := range outcomes {
		if o.Fault != nil {
			w.t.Fatalf("submit %d of a batch: %v", i, o.Fault)
		}
	}
	return outcomes
}

// from is a response of the customer with this external id.
func from(externalID string, score int) intake.SubmitResponseInput {
	return intake.SubmitResponseInput{Score: score, Customer: &customer.CustomerInput{ExternalID: &externalID}}
}

func text(s string) graphql.Omittable[*string] { return graphql.OmittableOf(&s) }

func cleared() graphql.Omittable[*string] { return graphql.OmittableOf[*string](nil) }

// open opens a case by hand on a new response of a new customer.
func (w *world) open() *model.Case {
	w.t.Helper()
	response := w.submit(intake.SubmitResponseInput{Score: 3}).Response
	out, err := w.work.OpenCase(w.t.Context(), w.agent, casework.OpenCaseInput{ResponseID: &response.ID, Note: "They called."})
	if err != nil {
		w.t.Fatalf("open a case: %v", err)
	}
	return out.Case
}

func (w *world) move(id model.CaseID, to model.CaseStatus) *casework.UpdateCaseStatusPayload {
	w.t.Helper()
	out, err := w.work.UpdateCaseStatus(w.t.Context(), w.agent, casework.UpdateCaseStatusInput{CaseID: id, Status: to, Note: "Called them."})
	if err != nil {
		w.t.Fatalf("move a case to %s: %v", to, err)
	}
	return out
}

func (w *world) user(email string, role model.Role, change ...func(*model.User)) *model.User {
	w.t.Helper()
	u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: email, Email: email, Role: role, Active: true, CreatedAt: start}
	for _, c := range change {
		c(u)
	}
	u.Fold()
	w.create(u)
	return u
}

func inactive(u *model.User) { u.Active = false }

// rule makes an enabled rule, as the last one, that opens a case for nobody unless it is changed.
func (w *world) rule(name string, change func(*model.Rule)) *model.Rule {
	w.t.Helper()
	w.rules++
	r := &model.Rule{
		ID: model.RuleID{UUID: model.NewUUID()}, Name: name, Enabled: true, Position: w.rules, Scores: []int{}, OpensCase: true,
		Strategy: model.Unassigned, CreatedAt: start, UpdatedAt: start,
	}
	if change != nil {
		change(r)
	}
	w.create(r)
	for i := range r.Recipients {
		r.Recipients[i].RuleID, r.Recipients[i].Ordinal = r.ID, i
		w.create(&r.Recipients[i])
	}
	return r
}

func (w *world) create(row any) {
	w.t.Helper()
	if err := w.db.Gorm.Create(row).Error; err != nil {
		w.t.Fatal(err)
	}
}

// exec runs SQL that goes round the program.
func (w *world) exec(sql string, args ...any) error {
	_, err := w.db.Pool.Exec(w.t.Context(), sql, args...)
	return err
}

func (w *world) must(sql string, args ...any) {
	w.t.Helper()
	if err := w.exec(sql, args...); err != nil {
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

// counts compares how many rows the tables have.
func (w *world) counts(want map[string]int) {
	w.t.Helper()
	for table, n := range want {
		if got := w.count("SELECT count(*) FROM " + table); got != n {
			w.t.Errorf("%d rows of %s, not %d", got, table, n)
		}
	}
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

// events are the case's, by version.
func (w *world) events(id model.CaseID) (rows []model.Event) {
	w.t.Helper()
	if err := w.db.Gorm.Where("case_id = ?", id).Order("version").Find(&rows).Error; err != nil {
		w.t.Fatal(err)
	}
	return rows
}

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

// same tells whether both are missing, or equal.
func same[T comparable](a, b *T) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
