package notify_test

import (
	"sync/atomic"
	"testing"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/notify"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// queueMail submits a response that queues a mail, and returns the mail.
func (w *world) queueMail() *model.Notification {
	w.T.Helper()
	w.Rule("all", func(r *model.Rule) {
		r.Recipients = []model.Recipient{{Kind: model.RecipientAddress, Address: new("boss@care.example")}}
	})
	w.Submit(worktest.From("c-1", 3))
	n := new(model.Notification)
	if err := w.DB.Gorm.Take(n).Error; err != nil {
		w.T.Fatal(err)
	}
	return n
}

// finish sets the final status of a mail, and removes its job as the worker does.
func (w *world) finish(n *model.Notification, status model.NotificationStatus) {
	w.T.Helper()
	w.Must("UPDATE notifications SET status = $1, attempts = 296, last_error = '451 not now', sent_at = CASE WHEN $1 = 'SENT' THEN now() END WHERE id = $2", string(status), n.ID.UUID)
	w.Must("DELETE FROM river_job")
}

func TestRetryNotification(t *testing.T) {
	t.Parallel()
	t.Run("queues a mail again that was not sent", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		n := w.queueMail()
		for _, status := range []model.NotificationStatus{model.NotificationFailed, model.NotificationNotSent} {
			w.finish(n, status)
			out, err := notify.NewRetrier(w.Work, w.Queue).RetryNotification(t.Context(), w.Agent, notify.RetryNotificationInput{NotificationID: n.ID})
			if err != nil || out.Notification.Status != model.NotificationQueued {
				t.Fatalf("the payload is %+v, the error %v", out, err)
			}
			stored := worktest.Read[model.Notification](w.T, w.DB, n.ID)
			if stored.Status != model.NotificationQueued || stored.Attempts != 0 || *stored.LastError != "451 not now" || stored.To != n.To {
				t.Errorf("after a retry of a %s mail the row is %+v", status, stored)
			}
			w.CheckJobs()
		}
	})

	t.Run("refuses a mail that is sent or queued", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		n := w.queueMail()
		retry := func() error {
			_, err := notify.NewRetrier(w.Work, w.Queue).RetryNotification(t.Context(), w.Agent, notify.RetryNotificationInput{NotificationID: n.ID})
			return err
		}
		worktest.Refused(t, "queued", retry(), fault.CodeConflict, "input.notificationId")
		w.CheckJobs()
		w.finish(n, model.NotificationSent)
		worktest.Refused(t, "sent", retry(), fault.CodeConflict, "input.notificationId")
		w.Counts(map[string]int{"river_job": 0})
		w.finish(n, model.NotificationFailed)
		own := auth.Viewer{User: w.User("own@care.example", model.Manager, func(u *model.User) { u.OwnCasesOnly = true })}
		_, err := notify.NewRetrier(w.Work, w.Queue).RetryNotification(t.Context(), own, notify.RetryNotificationInput{NotificationID: n.ID})
		worktest.Refused(t, "a mail outside the scope", err, fault.CodeNotFound, "input.notificationId")
		n.ID = model.NotificationID{UUID: model.NewUUID()}
		worktest.Refused(t, "an unknown mail", retry(), fault.CodeNotFound, "input.notificationId")
	})

	t.Run("lets one of several callers at once succeed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		n := w.queueMail()
		w.finish(n, model.NotificationFailed)
		var done, conflicts atomic.Int32
		worktest.AtOnce(4, func(int) {
			_, err := notify.NewRetrier(w.Work, w.Queue).RetryNotification(t.Context(), w.Agent, notify.RetryNotificationInput{NotificationID: n.ID})
			switch {
			case err == nil:
				done.Add(1)
			case fault.Is(err, fault.CodeConflict):
				conflicts.Add(1)
			default:
				t.Error(err)
			}
		})
		if done.Load() != 1 || conflicts.Load() != 3 {
			t.Errorf("%d calls succeeded, want 1; %d calls were refused, want 3", done.Load(), conflicts.Load())
		}
		w.CheckJobs()
	})
}
