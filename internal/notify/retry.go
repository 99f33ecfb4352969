package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/model"
)

// RetryNotificationInput names a mail.
type RetryNotificationInput struct{ NotificationID model.NotificationID }

// RetryNotificationPayload is the mail after the retry: QUEUED.
type RetryNotificationPayload struct{ Notification *model.Notification }

// Retrier queues mails again at a user's request.
type Retrier struct {
	work  *casework.Work
	queue *job.Queue
}

// NewRetrier makes the retrier of one database.
func NewRetrier(work *casework.Work, queue *job.Queue) *Retrier { return &Retrier{work, queue} }

// RetryNotification queues a FAILED or NOT_SENT mail again. Of two calls at the same time, one succeeds.
func (r *Retrier) RetryNotification(ctx context.Context, viewer auth.Viewer, in RetryNotificationInput) (*RetryNotificationPayload, error) {
	out := new(RetryNotificationPayload)
	err := r.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		n := new(model.Notification)
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", in.NotificationID).Where(viewer.Scope().Notifications(now)).Take(n).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return fault.NotFound("input.notificationId", "there is no such notification")
		}
		if err != nil {
			return fmt.Errorf("read a notification: %w", err)
		}
		switch n.Status {
		case model.NotificationQueued:
			return &fault.Error{Code: fault.CodeConflict, Argument: "input.notificationId", Message: "this mail is already queued; it will be sent as soon as the mail server accepts it"}
		case model.NotificationSent:
			return &fault.Error{Code: fault.CodeConflict, Argument: "input.notificationId", Message: "the mail server has already accepted this mail; each recipient gets one mail for an event"}
		}
		out.Notification = n
		return r.queue.Requeue(ctx, tx, n)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
