package webhook

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/model"
)

// decision is how a result changes the delivery and its webhook.
type decision struct {
	delivery map[string]any
	ended    bool   // DELIVERED or FAILED: the next delivery of the case is due
	failing  *bool  // whether the webhook is failing; nil: unknown
	disable  string // why the webhook must be disabled; empty: it stays enabled
}

// decide returns how the result of a try changes the delivery and its webhook. When the webhook is disabled, the delivery
// stays queued as the first of its case, so that no event is lost: the webhook continues with this delivery when a user
// enables it again.
func decide(hook *model.Webhook, d *model.WebhookDelivery, r result, now time.Time, backoff func(int) time.Duration) decision {
	if r.withheld {
		return decision{ended: true, delivery: map[string]any{"status": model.DeliveryFailed, "next_attempt_at": nil, "last_error": r.message}}
	}
	row := map[string]any{"attempts": d.Attempts + 1, "tries": d.Tries + 1, "response_status": r.status}
	if r.accepted {
		row["status"], row["delivered_at"], row["next_attempt_at"], row["last_error"] = model.DeliveryDelivered, now, nil, nil
		return decision{ended: true, failing: new(false), delivery: row}
	}
	row["last_error"] = r.message
	first, failing := now, now
	if d.FirstTriedAt != nil {
		first = *d.FirstTriedAt
	}
	if hook.FailingSince != nil {
		failing = *hook.FailingSince
	}
	row["first_tried_at"] = first
	next := decision{delivery: row}
	if !r.internal {
		next.failing = new(true)
	}
	switch {
	case r.gone:
		next.disable = "the receiver answered 410 Gone, which means that it wants no more events"
		row["next_attempt_at"] = now
	case !r.internal && now.Sub(failing) >= giveUpAfter:
		next.disable = "the receiver has accepted nothing for three days"
		row["next_attempt_at"] = now
	case now.Sub(first) >= giveUpAfter:
		next.ended = true
		row["status"], row["next_attempt_at"] = model.DeliveryFailed, nil
	default:
		row["next_attempt_at"] = now.Add(max(backoff(d.Tries+1), r.retryAfter))
	}
	return next
}

// record stores the result of a try, even while the server stops. It stores nothing when the lease has expired, because
// another server then has the delivery.
func (s *Sender) record(ctx context.Context, d *model.WebhookDelivery, until time.Time, r result) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	leasedRow := func(tx *gorm.DB) *gorm.DB {
		return tx.Model(&model.WebhookDelivery{}).Where("id = ? AND next_attempt_at = ?", d.ID, until)
	}
	if r.cancelled {
		return leasedRow(s.db.Gorm.WithContext(ctx)).Update("next_attempt_at", s.clock().Add(s.o.PollInterval)).Error
	}
	return s.db.Tx(ctx, func(tx *gorm.DB) error {
		hook, err := lockWebhook(tx, d.WebhookID)
		if hook == nil || err != nil {
			return err
		}
		now := s.clock()
		next := decide(hook, d, r, now, s.o.Backoff)
		written := leasedRow(tx).Updates(next.delivery)
		if written.Error != nil || written.RowsAffected == 0 {
			return written.Error
		}
		if next.ended && !d.ByHand {
			if err := promote(tx, d, now); err != nil {
				return err
			}
		}
		if next.failing != nil {
			if err := saveFailing(tx, hook, *next.failing, now); err != nil {
				return err
			}
		}
		s.logResult(d, r, next)
		if next.disable == "" {
			return nil
		}
		return s.disable(ctx, tx, hook, next.disable)
	})
}

func (s *Sender) logResult(d *model.WebhookDelivery, r result, next decision) {
	id := d.ID.String()
	switch {
	case r.accepted:
		s.o.Log.Debug("event delivered", "delivery", id, "attempts", d.Attempts+1)
	case next.ended:
		s.o.Log.Warn("event given up", "delivery", id, "attempts", d.Attempts+1, "error", r.message)
	default:
		s.o.Log.Debug("event not delivered yet", "delivery", id, "attempts", d.Attempts+1, "error", r.message)
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

// saveFailing stores the time since which the receiver has accepted nothing, or clears that time.
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
	err = audit.Append(tx, auth.System("webhooks"), audit.Entry{Action: model.AuditWebhookDisabled, Object: hook.ID, After: map[string]any{"disabledReason": why}})
	if err != nil {
		return err
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
	return s.queue.Mail(tx, mails)
}
