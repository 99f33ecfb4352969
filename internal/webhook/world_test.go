package webhook_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// limit ends a test that hangs. No test passes by waiting this long.
const limit = 2 * time.Minute

var anywhere = webhook.Addresses{OfAdmins: egress.Policy{Private: true}, OfOthers: egress.Policy{Private: true}}

// world is worktest's world with a clock that runs, a followed log, and the writes of webhooks, which the administrator
// owns.
type world struct {
	*worktest.World
	subscriptions *webhook.Subscriptions
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: worktest.New(t)}
	w.Clock = time.Now
	w.Log.Follow()
	w.subscriptions = webhook.NewSubscriptions(w.DB, w.Revisions, w.Log, anywhere, w.Now)
	return w
}

// follow returns the log of another pool.
func (w *world) follow(db *pg.DB) *event.Log {
	l := event.New(db, slog.New(slog.DiscardHandler))
	l.Follow()
	w.T.Cleanup(l.Close)
	return l
}

// another opens a second pool on the same database, as another server does.
func (w *world) another() *pg.DB {
	w.T.Helper()
	db, err := pg.Connect(context.Background(), pgtest.URL(w.T, w.DB), pg.Options{})
	w.must(err)
	w.T.Cleanup(func() { _ = db.Close() })
	return db
}

// server is a running sender.
type server struct {
	t      *testing.T
	cancel context.CancelFunc
	ended  chan struct{}
}

// stop ends the sender and waits for its requests.
func (s server) stop() {
	s.cancel()
	select {
	case <-s.ended:
	case <-time.After(limit):
		s.t.Error("the sender has not stopped in time")
	}
}

// run runs a sender until the test ends, or stops it earlier.
func (w *world) run(db *pg.DB, log *event.Log, change ...func(*webhook.Options)) server {
	w.T.Helper()
	o := webhook.Options{
		Addresses: anywhere, Now: w.Now, PollInterval: 20 * time.Millisecond,
		Backoff: func(int) time.Duration { return time.Millisecond },
	}
	for _, c := range change {
		c(&o)
	}
	revisions := w.Revisions
	if db != w.DB { // another server
		revisions = configuration.New(db, time.Now)
	}
	sender := webhook.New(db, revisions, log, w.Queue, o)
	ctx, cancel := context.WithCancel(context.Background())
	s := server{w.T, cancel, make(chan struct{})}
	go func() {
		defer close(s.ended)
		sender.Run(ctx)
	}()
	w.T.Cleanup(s.stop)
	return s
}

func (w *world) must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// hook creates a webhook that the administrator owns.
func (w *world) hook(r *receiver, change ...func(*webhook.CreateWebhookInput)) *model.Webhook {
	w.T.Helper()
	in := webhook.CreateWebhookInput{URL: r.URL, Events: model.EventTypes()}
	for _, c := range change {
		c(&in)
	}
	out, err := w.subscriptions.Create(w.T.Context(), w.Admin, in)
	w.must(err)
	r.trust(out.Secret)
	return out.Webhook
}

func (w *world) update(in webhook.UpdateWebhookInput) *model.Webhook {
	w.T.Helper()
	out, err := w.subscriptions.Update(w.T.Context(), w.Admin, in)
	w.must(err)
	return out.Webhook
}

// open opens a case by hand for a new customer of the country: one event.
func (w *world) open(country string) *model.Case {
	w.T.Helper()
	in, err := intake.New(w.Work).Submit(w.T.Context(), w.Admin, intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{
		Country: graphql.OmittableOf(&country), FirstName: graphql.OmittableOf(new("Ana")), Email: graphql.OmittableOf(new("ana-" + model.NewUUID().String() + "@example.com")),
	}, Comment: new("Nobody called.")})
	w.must(err)
	out, err := w.Work.OpenCase(w.T.Context(), w.Admin, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &in.Response.ID}, Note: "They called."})
	w.must(err)
	return out.Case
}

// note writes a note on the case: one event.
func (w *world) note(c *model.Case) {
	w.T.Helper()
	_, err := w.Work.AddNote(w.T.Context(), w.Admin, casework.AddNoteInput{CaseID: c.ID, Body: "Called them, a secret of ours."})
	w.must(err)
}

// events returns the ids of all events of the case, in order.
func (w *world) events(c *model.Case) (ids []string) {
	w.T.Helper()
	var rows []model.EventID
	w.must(w.DB.Gorm.Raw("SELECT id FROM case_events WHERE case_id = ? ORDER BY version", c.ID).Scan(&rows).Error)
	for _, id := range rows {
		ids = append(ids, id.String())
	}
	return ids
}

func (w *world) deliveries(h *model.Webhook) (rows []model.WebhookDelivery) {
	w.T.Helper()
	w.must(w.DB.Gorm.Where("webhook_id = ?", h.ID).Order("position").Find(&rows).Error)
	return rows
}

func (w *world) reload(h *model.Webhook) *model.Webhook {
	w.T.Helper()
	return worktest.Read[model.Webhook](w.T, w.DB, h.ID)
}

// until polls the database until the query returns true.
func (w *world) until(what, sql string, vars ...any) {
	w.T.Helper()
	for end := time.Now().Add(limit); ; {
		var done bool
		w.must(w.DB.Gorm.Raw(sql, vars...).Scan(&done).Error)
		if done {
			return
		}
		if time.Now().After(end) {
			w.T.Fatalf("timed out before: %s", what)
		}
	}
}

// delivered waits until all deliveries of the webhook have the status DELIVERED, and at least n exist.
func (w *world) delivered(h *model.Webhook, n int) {
	w.T.Helper()
	w.until("all is delivered", "SELECT count(*) FILTER (WHERE status = 'DELIVERED') >= ? AND count(*) = count(*) FILTER (WHERE status = 'DELIVERED') FROM webhook_deliveries WHERE webhook_id = ?", n, h.ID)
}
