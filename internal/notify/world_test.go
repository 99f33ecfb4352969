package notify

import (
	"context"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

var at = worktest.Start

// world writes the rows that a mail is about directly, so that a test chooses each of them.
type world struct {
	*worktest.World
	rules int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{World: worktest.NewEmpty(t)}
}

// sender is a mailer with a runtime that works only the mailer's jobs.
type sender struct {
	*Mailer
	*job.Runtime
}

// mailer makes a sender with short waits; change changes its options.
func (w *world) mailer(url string, change ...func(*Options)) sender {
	w.T.Helper()
	o := Options{
		SMTPURL: url, From: "closeloop <care@example.com>", PublicURL: "https://closeloop.example.com/",
		Backoff: func(int) time.Duration { return time.Millisecond },
	}
	for _, c := range change {
		c(&o)
	}
	m, err := New(w.DB, o)
	if err != nil {
		w.T.Fatal(err)
	}
	r, err := job.NewRuntime(w.DB.Pool, job.RuntimeOptions{Log: o.Log, PollEvery: 20 * time.Millisecond}, m.Workers)
	if err != nil {
		w.T.Fatal(err)
	}
	return sender{m, r}
}

// start runs the mailer until the test ends, and returns the results of its jobs.
func (w *world) start(m sender) <-chan *river.Event {
	w.T.Helper()
	events, done := m.Subscribe(river.EventKindJobCompleted, river.EventKindJobSnoozed,
		river.EventKindJobFailed, river.EventKindJobCancelled, river.EventKindJobInterrupted)
	m.Announce(w.T.Context())
	m.Start(context.WithoutCancel(w.T.Context()))
	w.T.Cleanup(func() {
		done()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := m.Stop(ctx); err != nil {
			w.T.Errorf("stop the mailer: %v", err)
		}
	})
	return events
}

// until waits for the next result, which must be of the given kind.
func (w *world) until(events <-chan *river.Event, kind river.EventKind) {
	w.T.Helper()
	select {
	case e := <-events:
		if e.Kind != kind {
			w.T.Fatalf("a job is %s, want %s: %+v", e.Kind, kind, e.Job.Errors)
		}
	case <-time.After(patience):
		w.T.Fatalf("no job is %s", kind)
	}
}

// mail queues one notification and returns its id.
func (w *world) mail(n model.Notification) model.NotificationID {
	w.T.Helper()
	n.CreatedAt = at
	if err := w.DB.Tx(w.T.Context(), func(tx *gorm.DB) error {
		return w.Queue.Mail(tx, []model.Notification{n})
	}); err != nil {
		w.T.Fatal(err)
	}
	var row model.Notification
	if err := w.DB.Gorm.Where("to_fold = ?", model.Fold(n.To)).Order("id DESC").Take(&row).Error; err != nil {
		w.T.Fatal(err)
	}
	return row.ID
}

// alert queues a mail about a response; the content does not matter to the test.
func (w *world) alert(to string) model.NotificationID {
	w.T.Helper()
	r := w.response(w.customer(model.Customer{FirstName: new("Ana"), LastName: new("Souza")}), model.Response{Score: 3})
	return w.mail(model.Notification{Kind: model.NotifyNewResponse, To: to, ResponseID: &r.ID})
}

func (w *world) row(id model.NotificationID) model.Notification {
	w.T.Helper()
	return *worktest.Read[model.Notification](w.T, w.DB, id)
}

func (w *world) customer(c model.Customer) *model.Customer {
	c.ID, c.CreatedAt, c.Attributes = model.CustomerID{UUID: model.NewUUID()}, at, map[string]string{}
	c.Fold()
	w.Create(&c)
	return &c
}

func (w *world) response(c *model.Customer, r model.Response) *model.Response {
	r.ID, r.CustomerID, r.RespondedAt, r.ReceivedAt = model.ResponseID{UUID: model.NewUUID()}, c.ID, at, at
	r.Attributes = map[string]string{}
	if r.Drivers == nil {
		r.Drivers = []string{}
	}
	r.CopyCustomer(c)
	w.Create(&r)
	return &r
}

// open opens a case for the response, by a rule, and returns the case with its number.
func (w *world) open(r *model.Response, assignee *model.User, due *time.Time) *model.Case {
	c := model.Case{
		ID: model.CaseID{UUID: model.NewUUID()}, Status: model.Open, Origin: model.OriginRule, CustomerID: r.CustomerID,
		ResponseID: &r.ID, OpenedAt: at, UpdatedAt: at, DueAt: due, Version: 1,
	}
	c.CopyResponse(r)
	c.Country, c.CompanyFold, c.SegmentFold = r.Country, r.CompanyFold, r.SegmentFold
	c.AssignTo(assignee, nil, at)
	w.Create(&c)
	if err := w.DB.Gorm.Take(&c, "id = ?", c.ID).Error; err != nil {
		w.T.Fatal(err)
	}
	return &c
}

func (w *world) event(c *model.Case, e model.Event) *model.Event {
	e.ID, e.CaseID, e.At, e.Snapshot = model.EventID{UUID: model.NewUUID()}, c.ID, at, []byte(`{}`)
	if e.Version > 1 {
		e.Before = []byte(`{}`)
	}
	w.Create(&e)
	return &e
}

func (w *world) user(name, email string) *model.User {
	u := model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: name, Email: email, Role: model.Agent, Active: true, CreatedAt: at}
	u.Fold()
	w.Create(&u)
	return &u
}

func (w *world) rule(name string) *model.Rule {
	w.rules++
	r := model.Rule{
		ID: model.RuleID{UUID: model.NewUUID()}, Name: name, Position: w.rules, Scores: []int{}, OpensCase: true,
		Strategy: model.Unassigned, CreatedAt: at, UpdatedAt: at,
	}
	w.Create(&r)
	return &r
}
