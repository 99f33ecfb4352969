package webhook_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"go.uber.org/goleak"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/model"
)

const day = 24 * time.Hour

// answers gives a status that a test can change.
func answers(status *atomic.Int64) func(post, http.ResponseWriter, *http.Request) {
	return func(_ post, out http.ResponseWriter, _ *http.Request) { out.WriteHeader(int(status.Load())) }
}

func TestAWebhookThatTakesNothingForThreeDaysIsDisabledAndMissesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var status atomic.Int64
	status.Store(http.StatusBadGateway)
	r := newReceiver(t, answers(&status))
	h := w.hook(r)
	w.run(w.db, w.log)
	c := w.open("DE")
	r.await(3)
	if again := w.again(h); !again.Enabled || again.FailingSince == nil {
		t.Errorf("while it fails the webhook is %+v", again)
	}
	w.later(3*day - time.Hour)
	r.await(len(r.all()) + 2)
	if !w.again(h).Enabled {
		t.Error("it was disabled before three days had passed")
	}
	w.later(time.Hour)
	w.until("the webhook is disabled", "SELECT NOT enabled FROM webhooks WHERE id = ?", h.ID)
	if again := w.again(h); again.DisabledReason == nil || !strings.Contains(*again.DisabledReason, "three days") {
		t.Errorf("it does not say why: %+v", again)
	}
	if d := w.deliveries(h)[0]; d.Status != model.DeliveryQueued || *d.ResponseStatus != http.StatusBadGateway || *d.LastError != "the answer was 502 Bad Gateway" {
		t.Errorf("what it did not take is %+v", d)
	}
	var mails []model.Notification
	w.must(w.db.Gorm.Where("kind = 'WEBHOOK_DISABLED'").Find(&mails).Error)
	if len(mails) != 1 || mails[0].To != w.admin.User.Email || *mails[0].WebhookID != h.ID || mails[0].Status != model.NotificationQueued {
		t.Errorf("its owner is told by %+v", mails)
	}
	w.note(c) // in the meantime
	before := len(r.all())
	status.Store(http.StatusOK)
	w.update(webhook.UpdateWebhookInput{ID: h.ID, Enabled: graphql.OmittableOf(new(true))})
	w.delivered(h, 2)
	same(t, "enabled again", r.kept(c), w.events(c))
	if n := len(r.all()) - before; n != 2 {
		t.Errorf("%d posts, not 2, after it was enabled", n)
	}
	if again := w.again(h); again.FailingSince != nil || again.DisabledReason != nil {
		t.Errorf("in the end the webhook is %+v", again)
	}
}

func TestAnAnswerOf410DisablesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var status atomic.Int64
	status.Store(http.StatusGone)
	r := newReceiver(t, answers(&status))
	h := w.hook(r)
	w.run(w.db, w.log)
	w.open("DE")
	w.until("the webhook is disabled", "SELECT NOT enabled AND disabled_reason LIKE '%410%' FROM webhooks WHERE id = ?", h.ID)
	if n := len(r.all()); n != 1 {
		t.Errorf("%d posts, not 1", n)
	}
}

func TestAnEventThatIsRefusedForThreeDaysIsGivenUpAndTheNextOfItsCaseGoesOn(t *testing.T) {
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
	w.run(w.db, w.log, func(o *webhook.Options) { o.Backoff = func(int) time.Duration { return 80 * time.Hour } })
	w.until("it was refused once", "SELECT attempts = 1 FROM webhook_deliveries WHERE webhook_id = ? AND case_id = ? AND position = (SELECT min(position) FROM case_events WHERE case_id = ?)", h.ID, bad.ID, bad.ID)
	w.later(79 * time.Hour)
	w.note(good)
	w.until("another case goes on", "SELECT count(*) = 2 FROM webhook_deliveries WHERE webhook_id = ? AND case_id = ? AND status = 'DELIVERED'", h.ID, good.ID)
	w.later(2 * time.Hour)
	w.until("it is given up", "SELECT count(*) = 1 FROM webhook_deliveries WHERE webhook_id = ? AND status = 'FAILED' AND attempts = 2 AND last_error LIKE '%422%'", h.ID)
	w.until("the next goes on", "SELECT count(*) = 1 FROM webhook_deliveries WHERE webhook_id = ? AND case_id = ? AND status = 'DELIVERED'", h.ID, bad.ID)
	same(t, "the case of which one was refused", r.kept(bad), w.events(bad)[1:])
	if !w.again(h).Enabled {
		t.Error("the webhook is disabled, though it took others")
	}

	failed := w.deliveries(h)[0]
	refused.Store("")
	w.redeliver(failed.ID)
	w.delivered(h, 4)
	if again := w.deliveries(h)[0]; again.Attempts != 3 || again.ID != failed.ID {
		t.Errorf("posted again by hand it is %+v", again)
	}
}

func (w *world) redeliver(id model.DeliveryID) {
	w.t.Helper()
	_, err := w.subscriptions.Redeliver(w.t.Context(), w.admin, webhook.RedeliverWebhookInput{DeliveryID: id})
	w.must(err)
}

func TestWhatWasTakenIsPostedAgainByHandWithTheSameIDAndHoldsNothingUp(t *testing.T) {
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
	w.run(w.db, w.log)
	c := w.open("DE")
	w.delivered(h, 1)
	first.Store(w.events(c)[0])
	again.Store(true)
	d := w.deliveries(h)[0]
	w.redeliver(d.ID)
	w.until("it is on its way", "SELECT status = 'QUEUED' AND next_attempt_at > ? FROM webhook_deliveries WHERE id = ?", w.now().Add(10*time.Second), d.ID)
	w.note(c)
	w.until("the next goes on", "SELECT count(*) = 1 FROM webhook_deliveries WHERE webhook_id = ? AND status = 'DELIVERED'", h.ID)
	_, err := w.subscriptions.Redeliver(t.Context(), w.admin, webhook.RedeliverWebhookInput{DeliveryID: d.ID})
	if !isFault(err, fault.CodeConflict, "input.deliveryId") {
		t.Errorf("of what is queued: %v", err)
	}
	close(hang)
	w.delivered(h, 2)
	if came := r.await(3); came[0].id != came[1].id && came[0].id != came[2].id {
		t.Error("it came with another id")
	}
}

func isFault(err error, code fault.Code, argument string) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code == code && f.Argument == argument && f.Message != ""
}

func TestOldDeliveriesAreDeletedAndWhatIsQueuedStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var status atomic.Int64
	status.Store(http.StatusOK)
	r := newReceiver(t, answers(&status))
	h := w.hook(r)
	stop := w.run(w.db, w.log)
	w.open("DE")
	w.delivered(h, 1)
	w.later(29 * day)
	status.Store(http.StatusNotFound)
	w.open("DE")
	r.await(3)
	stop()
	w.run(w.db, w.log) // it looks when it starts
	r.await(len(r.all()) + 1)
	if n := len(w.deliveries(h)); n != 2 {
		t.Errorf("%d deliveries after 29 days, not 2", n)
	}
	w.later(2 * day)
	w.run(w.db, w.log)
	w.until("the old one is deleted", "SELECT count(*) = 1 AND bool_and(status = 'QUEUED') FROM webhook_deliveries WHERE webhook_id = ?", h.ID)
}

func TestARequestThatIsBrokenOffByTheEndIsNoAttemptAndComesAgain(t *testing.T) {
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
	stop := w.run(w.db, w.log)
	w.open("DE")
	<-arrived
	stop()
	if d := w.deliveries(h)[0]; d.Status != model.DeliveryQueued || d.Attempts != 0 || d.LastError != nil || d.NextAttemptAt.After(w.now().Add(time.Second)) {
		t.Errorf("broken off it is %+v", d)
	}
	hanging.Store(false)
	w.run(w.db, w.log)
	w.delivered(h, 1)
}

// Not parallel: it looks at all goroutines of the process.
func TestASenderThatHasStoppedLeavesNoGoroutine(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, nil)
	h := w.hook(r)
	already := goleak.IgnoreCurrent()
	stop := w.run(w.db, w.log)
	w.open("DE")
	w.delivered(h, 1)
	stop()
	r.CloseClientConnections()
	goleak.VerifyNone(t, already,
		goleak.IgnoreTopFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck")) // the database's own
}
