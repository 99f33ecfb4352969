package webhook_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/model"
)

// limit is how long a test waits for what must come; it fails then, and never passes by waiting.
const limit = 60 * time.Second

// world is a database with the writes over it, whose log is followed, an administrator who owns webhooks, and a clock
// that runs and can be moved on.
type world struct {
	t             *testing.T
	db            *pg.DB
	log           *event.Log
	work          *casework.Work
	subscriptions *webhook.Subscriptions
	queue         *job.Queue
	admin         auth.Viewer
	moved         atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: pgtest.New(t)}
	var err error
	if w.queue, err = job.NewQueue(w.db.Pool, quiet); err != nil {
		t.Fatal(err)
	}
	w.log = w.follow(w.db)
	w.work = casework.New(w.db, w.log, w.queue, w.now)
	w.subscriptions = webhook.NewSubscriptions(w.db, w.log, anywhere, w.now)
	w.admin = auth.Viewer{User: w.user("root@care.example", model.Admin)}
	return w
}

var (
	quiet    = slog.New(slog.DiscardHandler)
	anywhere = egress.Policy{Private: true}
)

func (w *world) now() time.Time        { return time.Now().Add(time.Duration(w.moved.Load())) }
func (w *world) later(d time.Duration) { w.moved.Add(int64(d)) }

func (w *world) follow(db *pg.DB) *event.Log {
	l := event.New(db, quiet)
	l.Follow()
	w.t.Cleanup(l.Close)
	return l
}

// another is a second pool on the same database, as another server has it.
func (w *world) another() *pg.DB {
	w.t.Helper()
	db, err := pg.Connect(context.Background(), pgtest.URL(w.t, w.db), pg.Options{})
	w.must(err)
	w.t.Cleanup(func() { _ = db.Close() })
	return db
}

// run has a sender work until the test ends, or until the function that it gives is called, which waits for it.
func (w *world) run(db *pg.DB, log *event.Log, change ...func(*webhook.Options)) (stop func()) {
	w.t.Helper()
	o := webhook.Options{
		Policy: anywhere, Now: w.now, LookEvery: 20 * time.Millisecond,
		Backoff: func(int) time.Duration { return time.Millisecond },
	}
	for _, c := range change {
		c(&o)
	}
	sender := webhook.New(db, log, w.queue, o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sender.Run(ctx)
	}()
	stop = func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(limit):
			w.t.Error("the sender does not stop")
		}
	}
	w.t.Cleanup(stop)
	return stop
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) user(email string, role model.Role) *model.User {
	w.t.Helper()
	u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: email, Email: email, Role: role, Active: true, CreatedAt: w.now()}
	u.Fold()
	w.must(w.db.Gorm.Create(u).Error)
	return u
}

// hook makes a webhook of the administrator's and gives it with its secret.
func (w *world) hook(r *receiver, change ...func(*webhook.CreateWebhookInput)) *model.Webhook {
	w.t.Helper()
	in := webhook.CreateWebhookInput{URL: r.URL, Events: model.EventTypes()}
	for _, c := range change {
		c(&in)
	}
	out, err := w.subscriptions.Create(w.t.Context(), w.admin, in)
	w.must(err)
	r.trust(out.Secret)
	return out.Webhook
}

func (w *world) update(in webhook.UpdateWebhookInput) *model.Webhook {
	w.t.Helper()
	out, err := w.subscriptions.Update(w.t.Context(), w.admin, in)
	w.must(err)
	return out.Webhook
}

// where reads a CaseFilter.
func (w *world) where(raw string) *filter.Case {
	w.t.Helper()
	v, err := filter.Decode([]byte(raw))
	w.must(err)
	f := new(filter.Case)
	w.must(f.UnmarshalGQL(v))
	return f
}

// open opens a case by hand for a new customer of that country: one event.
func (w *world) open(country string) *model.Case {
	w.t.Helper()
	in, err := intake.New(w.work).Submit(w.t.Context(), w.admin, intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{
		Country: graphql.OmittableOf(&country), FirstName: graphql.OmittableOf(new("Ana")), Email: graphql.OmittableOf(new("ana-" + model.NewUUID().String() + "@example.com")),
	}, Comment: new("Nobody called.")})
	w.must(err)
	out, err := w.work.OpenCase(w.t.Context(), w.admin, casework.OpenCaseInput{ResponseID: &in.Response.ID, Note: "They called."})
	w.must(err)
	return out.Case
}

// note writes a note on a case: one event.
func (w *world) note(c *model.Case) {
	w.t.Helper()
	_, err := w.work.AddNote(w.t.Context(), w.admin, casework.AddNoteInput{CaseID: c.ID, Body: "Called them, of whom nobody shall read."})
	w.must(err)
}

// events are the ids of all events of a case, in their order.
func (w *world) events(c *model.Case) (ids []string) {
	w.t.Helper()
	var rows []model.EventID
	w.must(w.db.Gorm.Raw("SELECT id FROM case_events WHERE case_id = ? ORDER BY version", c.ID).Scan(&rows).Error)
	for _, id := range rows {
		ids = append(ids, id.String())
	}
	return ids
}

func (w *world) deliveries(h *model.Webhook) (rows []model.WebhookDelivery) {
	w.t.Helper()
	w.must(w.db.Gorm.Where("webhook_id = ?", h.ID).Order("position").Find(&rows).Error)
	return rows
}

func (w *world) again(h *model.Webhook) *model.Webhook {
	w.t.Helper()
	row := new(model.Webhook)
	w.must(w.db.Gorm.Where("id = ?", h.ID).Take(row).Error)
	return row
}

// until waits for what the database knows but does not tell.
func (w *world) until(what, sql string, vars ...any) {
	w.t.Helper()
	for end := time.Now().Add(limit); ; {
		var done bool
		w.must(w.db.Gorm.Raw(sql, vars...).Scan(&done).Error)
		if done {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("in vain: %s", what)
		}
	}
}

// delivered waits until nothing of the webhook is on its way, and at least so many events were taken.
func (w *world) delivered(h *model.Webhook, n int) {
	w.t.Helper()
	w.until("all is delivered", "SELECT count(*) FILTER (WHERE status = 'DELIVERED') >= ? AND count(*) = count(*) FILTER (WHERE status = 'DELIVERED') FROM webhook_deliveries WHERE webhook_id = ?", n, h.ID)
}
