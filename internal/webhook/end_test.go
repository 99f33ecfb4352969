package webhook_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"go.uber.org/goleak"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

const day = 24 * time.Hour

// answers returns a handler that answers with a status that the test can change.
func answers(status *atomic.Int64) func(post, http.ResponseWriter, *http.Request) {
	return func(_ post, out http.ResponseWriter, _ *http.Request) { out.WriteHeader(int(status.Load())) }
}

func TestSender(t *testing.T) {
	t.Parallel()
	t.Run("disables a webhook after three days of failures, and posts everything later", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var status atomic.Int64
		status.Store(http.StatusBadGateway)
		r := newReceiver(t, answers(&status))
		h := w.hook(r)
		w.run(w.DB, w.Log)
		c := w.open("DE")
		r.await(3)
		if stored := w.reload(h); !stored.Enabled || stored.FailingSince == nil {
			t.Errorf("the failing webhook is %+v", stored)
		}
		w.Later(3*day - time.Hour)
		r.await(len(r.all()) + 2)
		if !w.reload(h).Enabled {
			t.Error("the webhook was disabled before three days had passed")
		}
		w.Later(time.Hour)
		w.until("the webhook is disabled", "SELECT NOT enabled FROM webhooks WHERE id = ?", h.ID)
		if stored := w.reload(h); stored.DisabledReason == nil || !strings.Contains(*stored.DisabledReason, "three days") {
			t.Errorf("the reason is missing: %+v", stored)
		}
		if d := w.deliveries(h)[0]; d.Status != model.DeliveryQueued || *d.ResponseStatus != http.StatusBadGateway || *d.LastError != "the answer was 502 Bad Gateway" {
			t.Errorf("the delivery that was not accepted is %+v", d)
		}
		var mails []model.Notification
		w.must(w.DB.Gorm.Where("kind = 'WEBHOOK_DISABLED'").Find(&mails).Error)
		if len(mails) != 1 || mails[0].To != w.Admin.User.Email || *mails[0].WebhookID != h.ID || mails[0].Status != model.NotificationQueued {
			t.Errorf("the mails to the owner are %+v", mails)
		}
		w.note(c) // while the webhook is disabled
		before := len(r.all())
		status.Store(http.StatusOK)
		w.update(webhook.UpdateWebhookInput{WebhookID: h.ID, Enabled: graphql.OmittableOf(new(true))})
		w.delivered(h, 2)
		same(t, "enabled again", r.accepted(c), w.events(c))
		if n := len(r.all()) - before; n != 2 {
			t.Errorf("%d posts after the webhook was enabled, want 2", n)
		}
		if stored := w.reload(h); stored.FailingSince != nil || stored.DisabledReason != nil {
			t.Errorf("the enabled webhook is %+v", stored)
		}
	})

	t.Run("disables a webhook at once after status 410", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var status atomic.Int64
		status.Store(http.StatusGone)
		r := newReceiver(t, answers(&status))
		h := w.hook(r)
		w.run(w.DB, w.Log)
		w.open("DE")
		w.until("the webhook is disabled", "SELECT NOT enabled AND disabled_reason LIKE '%410%' FROM webhooks WHERE id = ?", h.ID)
		if n := len(r.all()); n != 1 {
			t.Errorf("%d posts, want 1", n)
		}
	})

	t.Run("gives an event up after three days, and posts the next of its case", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var refused atomic.Value
		refused.Store("")
		r := newReceiver(t, func(p post, out http.ResponseWriter, _ *http.Request) {
			if p.id == refused.Load() {
				out.WriteHeader(http.StatusUnprocessableEntity)
				return
			}
			out.WriteHeader(http.StatusAccepted)
		})
		h := w.hook(r)
		bad, good := w.open("DE"), w.open("FR")
		w.note(bad)
		refused.Store(w.events(bad)[0])
		w.run(w.DB, w.Log, func(o *webhook.Options) { o.Backoff = func(int) time.Duration { return 80 * time.Hour } })
		w.until("the event was refused once", "SELECT attempts = 1 FROM webhook_deliveries WHERE webhook_id = ? AND case_id = ? AND position = (SELECT min(position) FROM case_events WHERE case_id = ?)", h.ID, bad.ID, bad.ID)
		w.Later(79 * time.Hour)
		w.note(good)
		w.until("the events of another case are delivered", "SELECT count(*) = 2 FROM webhook_deliveries WHERE webhook_id = ? AND case_id = ? AND status = 'DELIVERED'", h.ID, good.ID)
		w.Later(2 * time.Hour)
		w.until("the event is given up", "SELECT count(*) = 1 FROM webhook_deliveries WHERE webhook_id = ? AND status = 'FAILED' AND attempts = 2 AND last_error LIKE '%422%'", h.ID)
		w.until("the next event of the case is delivered", "SELECT count(*) = 1 FROM webhook_deliveries WHERE webhook_id = ? AND case_id = ? AND status = 'DELIVERED'", h.ID, bad.ID)
		same(t, "the case with the refused event", r.accepted(bad), w.events(bad)[1:])
		if !w.reload(h).Enabled {
			t.Error("the webhook is disabled although the receiver accepted other events")
		}

		failed := w.deliveries(h)[0]
		refused.Store("")
		w.redeliver(failed.ID)
		w.delivered(h, 4)
		if stored := w.deliveries(h)[0]; stored.Attempts != 3 || stored.ID != failed.ID {
			t.Errorf("the redelivered event is %+v", stored)
		}
	})

	t.Run("redelivers with the same id, and nothing waits for it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		hang := make(chan struct{})
		var again atomic.Bool
		var first atomic.Value
		first.Store("")
		r := newReceiver(t, func(p post, out http.ResponseWriter, in *http.Request) {
			if again.Load() && p.id == first.Load() {
				select {
				case <-hang:
				case <-in.Context().Done():
				}
			}
			out.WriteHeader(http.StatusNoContent)
		})
		h := w.hook(r)
		w.run(w.DB, w.Log)
		c := w.open("DE")
		w.delivered(h, 1)
		first.Store(w.events(c)[0])
		again.Store(true)
		d := w.deliveries(h)[0]
		w.redeliver(d.ID)
		w.until("the event is being posted", "SELECT status = 'QUEUED' AND next_attempt_at > ? FROM webhook_deliveries WHERE id = ?", w.Now().Add(10*time.Second), d.ID)
		w.note(c)
		w.until("the next event of the case is delivered", "SELECT count(*) = 1 FROM webhook_deliveries WHERE webhook_id = ? AND status = 'DELIVERED'", h.ID)
		_, err := w.subscriptions.Redeliver(t.Context(), w.Admin, webhook.RedeliverWebhookInput{DeliveryID: d.ID})
		worktest.Refused(t, "redelivery of a queued delivery", err, fault.CodeConflict, "input.deliveryId")
		close(hang)
		w.delivered(h, 2)
		if posts := r.await(3); posts[0].id != posts[1].id && posts[0].id != posts[2].id {
			t.Error("the event was posted again with another id")
		}
	})

	t.Run("deletes old deliveries that have ended", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var status atomic.Int64
		status.Store(http.StatusOK)
		r := newReceiver(t, answers(&status))
		h := w.hook(r)
		server := w.run(w.DB, w.Log)
		w.open("DE")
		w.delivered(h, 1)
		w.Later(29 * day)
		status.Store(http.StatusNotFound)
		w.open("DE")
		r.await(3)
		server.stop()
		w.run(w.DB, w.Log) // a sender deletes old deliveries when it starts
		r.await(len(r.all()) + 1)
		if n := len(w.deliveries(h)); n != 2 {
			t.Errorf("%d deliveries after 29 days, want 2", n)
		}
		w.Later(2 * day)
		w.run(w.DB, w.Log)
		w.until("the old delivery is deleted", "SELECT count(*) = 1 AND bool_and(status = 'QUEUED') FROM webhook_deliveries WHERE webhook_id = ?", h.ID)
	})

	t.Run("repeats a request that it cancelled when it stopped", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		arrived := make(chan struct{}, 10)
		var hanging atomic.Bool
		hanging.Store(true)
		r := newReceiver(t, func(_ post, out http.ResponseWriter, in *http.Request) {
			arrived <- struct{}{}
			if hanging.Load() {
				<-in.Context().Done()
			}
			out.WriteHeader(http.StatusNoContent)
		})
		h := w.hook(r)
		server := w.run(w.DB, w.Log)
		w.open("DE")
		<-arrived
		server.stop()
		if d := w.deliveries(h)[0]; d.Status != model.DeliveryQueued || d.Attempts != 0 || d.LastError != nil || d.NextAttemptAt.After(w.Now().Add(time.Second)) {
			t.Errorf("the delivery of the cancelled request is %+v", d)
		}
		hanging.Store(false)
		w.run(w.DB, w.Log)
		w.delivered(h, 1)
	})
}

func (w *world) redeliver(id model.DeliveryID) {
	w.T.Helper()
	_, err := w.subscriptions.Redeliver(w.T.Context(), w.Admin, webhook.RedeliverWebhookInput{DeliveryID: id})
	w.must(err)
}

// Not parallel: goleak looks at all goroutines of the process.
func TestRunLeavesNoGoroutine(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, nil)
	h := w.hook(r)
	before := goleak.IgnoreCurrent()
	server := w.run(w.DB, w.Log)
	w.open("DE")
	w.delivered(h, 1)
	server.stop()
	r.CloseClientConnections()
	worktest.NoLeak(t, limit, before)
}
