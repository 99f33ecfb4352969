package notify

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

var at = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// world is a database with a queue over it.
type world struct {
	t     *testing.T
	db    *pg.DB
	queue *job.Queue
	rules int
}

func newWorld(t *testing.T, opts ...pgtest.Option) *world {
	t.Helper()
	w := &world{t: t, db: pgtest.New(t, opts...)}
	queue, err := job.NewQueue(w.db.Pool, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w.queue = queue
	return w
}

// gate holds the first statement that begins so, until it is opened.
type gate struct {
	before        string
	reached, open chan struct{}
	once          sync.Once
}

func (g *gate) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.HasPrefix(data.SQL, g.before) {
		g.once.Do(func() {
			close(g.reached)
			<-g.open
		})
	}
	return ctx
}

func (g *gate) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// sender is a mailer with a runtime that works its jobs alone.
type sender struct {
	*Mailer
	*job.Runtime
}

// mailer makes a sender with short waits; change is what the test changes.
func (w *world) mailer(url string, change ...func(*Options)) sender {
	w.t.Helper()
	o := Options{
		SMTPURL: url, From: "closeloop <care@example.com>", PublicURL: "https://closeloop.example.com/",
		Backoff: func(int) time.Duration { return time.Millisecond },
	}
	for _, c := range change {
		c(&o)
	}
	m, err := New(w.db, o)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := job.NewRuntime(w.db.Pool, job.RuntimeOptions{Log: o.Log, PollEvery: 20 * time.Millisecond}, m.Workers)
	if err != nil {
		w.t.Fatal(err)
	}
	return sender{m, r}
}

// start runs the mailer until the test ends, and gives what becomes of its jobs.
func (w *world) start(m sender) <-chan *river.Event {
	w.t.Helper()
	events, done := m.Subscribe(river.EventKindJobCompleted, river.EventKindJobSnoozed,
		river.EventKindJobFailed, river.EventKindJobCancelled, river.EventKindJobInterrupted)
	m.Announce(w.t.Context())
	if err := m.Start(context.WithoutCancel(w.t.Context())); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		done()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := m.Stop(ctx); err != nil {
			w.t.Errorf("stop the mailer: %v", err)
		}
	})
	return events
}

// until waits for the next event, which must be of that kind.
func (w *world) until(events <-chan *river.Event, kind river.EventKind) {
	w.t.Helper()
	select {
	case e := <-events:
		if e.Kind != kind {
			w.t.Fatalf("a job is %s, not %s: %+v", e.Kind, kind, e.Job.Errors)
		}
	case <-time.After(patience):
		w.t.Fatalf("no job is %s", kind)
	}
}

// mail queues one notification and gives its id.
func (w *world) mail(n model.Notification) model.NotificationID {
	w.t.Helper()
	n.CreatedAt = at
	if err := w.db.Tx(w.t.Context(), func(tx *gorm.DB) error {
		return w.queue.Mail(w.t.Context(), tx, []model.Notification{n})
	}); err != nil {
		w.t.Fatal(err)
	}
	var row model.Notification
	if err := w.db.Gorm.Where("to_fold = ?", model.Fold(n.To)).Order("id DESC").Take(&row).Error; err != nil {
		w.t.Fatal(err)
	}
	return row.ID
}

// alert queues a mail on a response that needs no more than to be there.
func (w *world) alert(to string) model.NotificationID {
	w.t.Helper()
	r := w.response(w.customer(model.Customer{FirstName: new("Ana"), LastName: new("Souza")}), model.Response{Score: 3})
	return w.mail(model.Notification{Kind: model.NotifyNewResponse, To: to, ResponseID: &r.ID})
}

func (w *world) row(id model.NotificationID) model.Notification {
	w.t.Helper()
	var n model.Notification
	if err := w.db.Gorm.Take(&n, "id = ?", id).Error; err != nil {
		w.t.Fatal(err)
	}
	return n
}

// exec runs SQL that goes round the program.
func (w *world) exec(sql string) {
	w.t.Helper()
	if err := w.db.Gorm.Exec(sql).Error; err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) create(row any) {
	w.t.Helper()
	if err := w.db.Gorm.Create(row).Error; err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) customer(c model.Customer) *model.Customer {
	c.ID, c.CreatedAt, c.Attributes = model.CustomerID{UUID: model.NewUUID()}, at, map[string]string{}
	c.Fold()
	w.create(&c)
	return &c
}

func (w *world) response(c *model.Customer, r model.Response) *model.Response {
	r.ID, r.CustomerID, r.RespondedAt, r.ReceivedAt = model.ResponseID{UUID: model.NewUUID()}, c.ID, at, at
	r.Attributes = map[string]string{}
	if r.Drivers == nil {
		r.Drivers = []string{}
	}
	r.CopyCustomer(c)
	w.create(&r)
	return &r
}

// open opens a case on the response, by a rule, and gives it with its number.
func (w *world) open(r *model.Response, assignee *model.User, due *time.Time) *model.Case {
	c := model.Case{
		ID: model.CaseID{UUID: model.NewUUID()}, Status: model.Open, Origin: model.OriginRule, CustomerID: r.CustomerID,
		ResponseID: &r.ID, OpenedAt: at, UpdatedAt: at, DueAt: due, Version: 1,
	}
	c.CopyResponse(r)
	c.Country, c.CompanyFold, c.SegmentFold = r.Country, r.CompanyFold, r.SegmentFold
	c.AssignTo(assignee, nil, at)
	w.create(&c)
	if err := w.db.Gorm.Take(&c, "id = ?", c.ID).Error; err != nil {
		w.t.Fatal(err)
	}
	return &c
}

func (w *world) event(c *model.Case, e model.Event) *model.Event {
	e.ID, e.CaseID, e.At, e.Snapshot = model.EventID{UUID: model.NewUUID()}, c.ID, at, []byte(`{}`)
	if e.Version > 1 {
		e.Before = []byte(`{}`)
	}
	w.create(&e)
	return &e
}

func (w *world) user(name, email string) *model.User {
	u := model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: name, Email: email, Role: model.Agent, Active: true, CreatedAt: at}
	u.Fold()
	w.create(&u)
	return &u
}

func (w *world) rule(name string) *model.Rule {
	w.rules++
	r := model.Rule{
		ID: model.RuleID{UUID: model.NewUUID()}, Name: name, Position: w.rules, Scores: []int{}, OpensCase: true,
		Strategy: model.Unassigned, CreatedAt: at, UpdatedAt: at,
	}
	w.create(&r)
	return &r
}
