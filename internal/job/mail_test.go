package job_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

var at = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

func TestMail(t *testing.T) {
	t.Parallel()
	t.Run("stores the notifications and queues one job for each", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		response, opened := w.response(), w.opened()
		rule := w.rule()
		w.mail(
			model.Notification{Kind: model.NotifyNewResponse, To: "Ana@Example.com", ResponseID: &response, RuleID: &rule, CreatedAt: at},
			model.Notification{Kind: model.NotifyCaseAssigned, To: "bo@example.com", CaseID: &opened.CaseID, EventID: &opened.ID, CreatedAt: at},
		)
		rows := w.rows()
		if len(rows) != 2 {
			t.Fatalf("%d rows are stored, want 2: %+v", len(rows), rows)
		}
		for _, n := range rows {
			if n.Status != model.NotificationQueued || n.Attempts != 0 || !n.CreatedAt.Equal(at) {
				t.Errorf("a new row is %+v", n)
			}
			if w.jobs(n.ID) != 1 {
				t.Errorf("%s has %d jobs, want 1", n.ID, w.jobs(n.ID))
			}
		}
		first := rows[0]
		if first.To != "Ana@Example.com" || first.ToFold != "ana@example.com" || *first.ResponseID != response || *first.RuleID != rule ||
			first.CaseID != nil || first.EventID != nil {
			t.Errorf("the first row differs from the notification: %+v", first)
		}
		if second := rows[1]; *second.CaseID != opened.CaseID || *second.EventID != opened.ID || second.ResponseID != nil {
			t.Errorf("the second row differs from the notification: %+v", second)
		}
	})

	t.Run("mails an address once about one response", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		response := w.response()
		alert := func(to string) model.Notification {
			return model.Notification{Kind: model.NotifyNewResponse, To: to, ResponseID: &response, CreatedAt: at}
		}
		w.mail(alert("ana@example.com"), alert("ANA@example.com"), alert("bo@example.com"))
		w.mail(alert("Bo@Example.com"))
		w.mail(alert("ana@example.com"), alert("cy@example.com"))
		if got := len(w.rows()); got != 3 {
			t.Errorf("%d rows, want 3", got)
		}
		if got := w.allJobs(); got != 3 {
			t.Errorf("%d jobs, want 3", got)
		}
	})

	t.Run("mails an address once about one event", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first, second := w.opened(), w.opened()
		alert := func(e model.Event) model.Notification {
			return model.Notification{Kind: model.NotifyCaseAssigned, To: "ana@example.com", CaseID: &e.CaseID, EventID: &e.ID, CreatedAt: at}
		}
		w.mail(alert(first))
		w.mail(alert(first), alert(second), alert(first))
		if rows, jobs := len(w.rows()), w.allJobs(); rows != 2 || jobs != 2 {
			t.Errorf("%d rows and %d jobs, want 2 and 2", rows, jobs)
		}
	})

	t.Run("mails an address once from transactions at the same time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		response := w.response()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				w.mail(model.Notification{Kind: model.NotifyNewResponse, To: "ana@example.com", ResponseID: &response, CreatedAt: at})
			})
		}
		all.Wait()
		if rows, jobs := len(w.rows()), w.allJobs(); rows != 1 || jobs != 1 {
			t.Errorf("%d rows and %d jobs, want 1 and 1", rows, jobs)
		}
	})

	t.Run("leaves nothing after a rollback", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		response := w.response()
		rollback := errors.New("roll back")
		err := w.db.Tx(t.Context(), func(tx *gorm.DB) error {
			n := model.Notification{Kind: model.NotifyNewResponse, To: "ana@example.com", ResponseID: &response, CreatedAt: at}
			if err := w.queue.Mail(tx, []model.Notification{n}); err != nil {
				return err
			}
			return rollback
		})
		if !errors.Is(err, rollback) {
			t.Fatalf("the transaction returned %v", err)
		}
		if rows, jobs := len(w.rows()), w.allJobs(); rows != 0 || jobs != 0 {
			t.Errorf("%d rows and %d jobs after a rollback, want none", rows, jobs)
		}
	})

	t.Run("needs one statement for the rows and their jobs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		list := w.alerts(20)
		w.counter.Reset()
		w.mail(list...)
		if sent := w.counter.Statements(); len(sent) != 3 { // BEGIN and COMMIT are two of them
			t.Errorf("%d statements, want 3:\n%s", len(sent), strings.Join(sent, "\n"))
		}
	})

	t.Run("keeps mails as NOT_SENT and queues none where there is no mail server", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.queue.KeepUnsent()
		list := w.alerts(2)
		w.mail(append(list, list[0])...)
		for _, n := range w.rows() {
			if n.Status != model.NotificationNotSent || n.Attempts != 0 || n.SentAt != nil {
				t.Errorf("a row is %+v", n)
			}
		}
		if rows, jobs := len(w.rows()), w.allJobs(); rows != 2 || jobs != 0 {
			t.Errorf("%d rows and %d jobs, want 2 and 0", rows, jobs)
		}
	})

	t.Run("sends no NOTIFY", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.mail(w.alerts(3)...) // a client's first insert: River drops a NOTIFY within 100 ms of another one
		for _, sql := range w.counter.Statements() {
			if strings.Contains(sql, "pg_notify") {
				t.Errorf("the transaction sent a NOTIFY: %s", sql)
			}
		}
	})

	t.Run("sends no statement for an empty list", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.counter.Reset()
		w.mail()
		if w.counter.Count() != 0 {
			t.Errorf("the transaction sent %q", w.counter.Statements())
		}
	})

	t.Run("returns an error for a row that the schema refuses", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		err := w.db.Tx(t.Context(), func(tx *gorm.DB) error {
			return w.queue.Mail(tx, []model.Notification{{Kind: model.NotifyNewResponse, To: "ana@example.com", CreatedAt: at}})
		})
		if err == nil {
			t.Error("a notification without its response was stored")
		}
	})
}

// world is a database with a queue, and counts statements.
type world struct {
	t       *testing.T
	db      *pg.DB
	queue   *job.Queue
	counter pgtest.Counter
	number  int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	w.db = pgtest.New(t, pgtest.WithTracer(&w.counter))
	queue, err := job.NewQueue(w.db.Pool, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w.queue = queue
	return w
}

func (w *world) mail(list ...model.Notification) {
	w.t.Helper()
	if err := w.db.Tx(context.Background(), func(tx *gorm.DB) error {
		return w.queue.Mail(tx, list)
	}); err != nil {
		w.t.Errorf("queue the mails: %v", err)
	}
}

// alerts writes n responses and returns a notification of each.
func (w *world) alerts(n int) (list []model.Notification) {
	for range n {
		response := w.response()
		list = append(list, model.Notification{
			Kind: model.NotifyNewResponse, To: "ana@example.com", ResponseID: &response, CreatedAt: at,
		})
	}
	return list
}

func (w *world) create(row any) {
	w.t.Helper()
	if err := w.db.Gorm.Create(row).Error; err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) customer() model.CustomerID {
	c := model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Attributes: map[string]string{}, CreatedAt: at}
	w.create(&c)
	return c.ID
}

func (w *world) response() model.ResponseID {
	r := model.Response{
		ID: model.ResponseID{UUID: model.NewUUID()}, CustomerID: w.customer(), Score: 3,
		Drivers: []string{}, Attributes: map[string]string{}, RespondedAt: at, ReceivedAt: at,
	}
	w.create(&r)
	return r.ID
}

func (w *world) rule() model.RuleID {
	w.number++
	r := model.Rule{
		ID: model.RuleID{UUID: model.NewUUID()}, Name: "Detractors", Position: w.number, Scores: []int{},
		Strategy: model.Unassigned, CreatedAt: at, UpdatedAt: at,
	}
	w.create(&r)
	return r.ID
}

// opened writes a case and returns its first event.
func (w *world) opened() model.Event {
	c := model.Case{
		ID: model.CaseID{UUID: model.NewUUID()}, Status: model.Open, Origin: model.OriginRule, CustomerID: w.customer(),
		OpenedAt: at, UpdatedAt: at, Version: 1,
	}
	w.create(&c)
	e := model.Event{
		ID: model.EventID{UUID: model.NewUUID()}, CaseID: c.ID, Version: 1, Type: model.EventOpened, At: at, Snapshot: []byte(`{}`),
	}
	w.create(&e)
	return e
}

func (w *world) rows() []model.Notification {
	w.t.Helper()
	var rows []model.Notification
	if err := w.db.Gorm.Order("id").Find(&rows).Error; err != nil {
		w.t.Fatal(err)
	}
	return rows
}

func (w *world) jobs(id model.NotificationID) (n int) {
	return w.count(`SELECT count(*) FROM river_job WHERE kind = 'send_mail' AND args->>'notificationId' = $1`, id.UUID.String())
}

func (w *world) allJobs() int { return w.count(`SELECT count(*) FROM river_job`) }

func (w *world) count(sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.Pool.QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}
