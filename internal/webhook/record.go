package webhook

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// decision is what follows from the result of a try.
type decision struct {
	delivery map[string]any
	ended    bool   // DELIVERED or FAILED: the next delivery of the case is due
	failing  *bool  // whether the webhook is failing; nil: unknown
	disable  string // why the webhook must be disabled; empty: it stays enabled
}

// decide decides what follows from the result of a try. When the webhook is disabled, the delivery stays queued as the
// first of its case, so that the webhook continues with it when it is enabled again and no event is lost.
func decide(hook *model.Webhook, d *model.WebhookDelivery, o result, now time.Time, backoff func(int) time.Duration) decision {
	if o.withheld {
		return decision{ended: true, delivery: map[string]any{"status": model.DeliveryFailed, "next_attempt_at": nil, "last_error": o.message}}
	}
	row := map[string]any{"attempts": d.Attempts + 1, "tries": d.Tries + 1, "response_status": o.status}
	if o.accepted {
		row["status"], row["delivered_at"], row["next_attempt_at"], row["last_error"] = model.DeliveryDelivered, now, nil, nil
		return decision{ended: true, failing: new(false), delivery: row}
	}
	row["last_error"] = o.message
	first, failing := now, now
	if d.FirstTriedAt != nil {
		first = *d.FirstTriedAt
	}
	if hook.FailingSince != nil {
		failing = *hook.FailingSince
	}
	row["first_tried_at"] = first
	v := decision{delivery: row}
	if !o.internal {
		v.failing = new(true)
	}
	switch {
	case o.gone:
		v.disable = "the receiver answered 410 Gone, which means that it wants no more events"
		row["next_attempt_at"] = now
	case !o.internal && now.Sub(failing) >= giveUpAfter:
		v.disable = "the receiver has accepted nothing for three days"
		row["next_attempt_at"] = now
	case now.Sub(first) >= giveUpAfter:
		v.ended = true
		row["status"], row["next_attempt_at"] = model.DeliveryFailed, nil
	default:
		row["next_attempt_at"] = now.Add(max(backoff(d.Tries+1), o.retryAfter))
	}
	return v
}

// record stores the result of a try, even while the server stops. It stores nothing when the lease has expired, because
// another server then has the delivery.
func (s *Sender) record(ctx context.Context, d *model.WebhookDelivery, until time.Time, o result) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	leasedRow := func(tx *gorm.DB) *gorm.DB {
		return tx.Model(&model.WebhookDelivery{}).Where("id = ? AND next_attempt_at = ?", d.ID, until)
	}
	if o.cancelled {
		return leasedRow(s.db.Gorm.WithContext(ctx)).Update("next_attempt_at", s.clock().Add(s.o.LookEvery)).Error
	}
	return s.db.Tx(ctx, func(tx *gorm.DB) error {
		hook, err := lockWebhook(tx, d.WebhookID)
		if hook == nil || err != nil {
			return err
		}
		now := s.clock()
		v := decide(hook, d, o, now, s.o.Backoff)
		written := leasedRow(tx).Updates(v.delivery)
		if written.Error != nil || written.RowsAffected == 0 {
			return written.Error
		}
		if v.ended && !d.ByHand {
			if err := promote(tx, d, now); err != nil {
				return err
			}
		}
		if v.failing != nil {
			if err := saveFailing(tx, hook, *v.failing, now); err != nil {
				return err
			}
		}
		s.logResult(d, o, v)
		if v.disable == "" {
			return nil
		}
		return s.disable(ctx, tx, hook, v.disable)
	})
}

func (s *Sender) logResult(d *model.WebhookDelivery, o result, v decision) {
	id := d.ID.String()
	switch {
	case o.accepted:
		s.o.Log.Debug("event delivered", "delivery", id, "attempts", d.Attempts+1)
	case v.ended:
		s.o.Log.Warn("event given up", "delivery", id, "attempts", d.Attempts+1, "error", o.message)
	default:
		s.o.Log.Debug("event not delivered yet", "delivery", id, "attempts", d.Attempts+1, "error", o.message)
	}
}

// promote makes the next delivery of the case due.
func promote(tx *gorm.DB, d *model.WebhookDelivery, now time.Time) error {
	err := tx.Exec(`UPDATE webhook_deliveries SET next_attempt_at = ? WHERE next_attempt_at IS NULL AND id = (
			SELECT id FROM webhook_deliveries WHERE webhook_id = ? AND case_id = ? AND status = 'QUEUED' AND NOT by_hand
			ORDER BY position LIMIT 1)`, now, d.WebhookID, d.CaseID).Error
	if err != nil {
		return fmt.Errorf("make the next delivery due: %w", err)
	}
	return nil
}

// saveFailing stores since when the receiver has accepted nothing.
func saveFailing(tx *gorm.DB, hook *model.Webhook, failing bool, now time.Time) error {
	if failing == (hook.FailingSince != nil) {
		return nil
	}
	var since *time.Time
	if failing {
		since = &now
	}
	return tx.Model(hook).Update("failing_since", since).Error
}

// disable disables a webhook and queues a mail to its owner, or to all administrators where the owner is not active. The
// caller must have locked the webhook's row.
func (s *Sender) disable(ctx context.Context, tx *gorm.DB, hook *model.Webhook, why string) error {
	if !hook.Enabled {
		return nil
	}
	err := tx.Model(hook).Updates(map[string]any{"enabled": false, "disabled_reason": why}).Error
	if err != nil {
		return fmt.Errorf("disable a webhook: %w", err)
	}
	s.o.Log.Warn("webhook disabled", "webhook", hook.ID.String(), "why", why)
	var recipients []*model.User
	err = tx.Where("active AND id = ?", hook.OwnerID).Find(&recipients).Error
	if err == nil && len(recipients) == 0 {
		err = tx.Where("active AND role = 'ADMIN'").Order("id").Find(&recipients).Error
	}
	if err != nil {
		return fmt.Errorf("read the recipients of a mail: %w", err)
	}
	var mails []model.Notification
	for _, user := range recipients {
		mails = append(mails, model.Notification{Kind: model.NotifyWebhookDisabled, To: user.Email, WebhookID: &hook.ID, CreatedAt: s.clock()})
	}
	return s.queue.Mail(ctx, tx, mails)
}
