package webhook

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// verdict is what follows from a try.
type verdict struct {
	delivery map[string]any
	ended    bool   // DELIVERED or FAILED: the next of the case is due
	failing  *bool  // whether the webhook is; nil: it says nothing of that
	disable  string // why the webhook is to be disabled; empty: it is not
}

// judge decides what follows from a try. Where the webhook is disabled, the delivery stays queued and first in its
// line: enabled again, the webhook goes on with it, and nothing is missed.
func judge(hook *model.Webhook, d *model.WebhookDelivery, o outcome, now time.Time, backoff func(int) time.Duration) verdict {
	if o.withheld {
		return verdict{ended: true, delivery: map[string]any{"status": model.DeliveryFailed, "next_attempt_at": nil, "last_error": o.said}}
	}
	row := map[string]any{"attempts": d.Attempts + 1, "tries": d.Tries + 1, "response_status": o.status}
	if o.taken {
		row["status"], row["delivered_at"], row["next_attempt_at"], row["last_error"] = model.DeliveryDelivered, now, nil, nil
		return verdict{ended: true, failing: new(false), delivery: row}
	}
	row["last_error"] = o.said
	first, failing := now, now
	if d.FirstTriedAt != nil {
		first = *d.FirstTriedAt
	}
	if hook.FailingSince != nil {
		failing = *hook.FailingSince
	}
	row["first_tried_at"] = first
	v := verdict{delivery: row}
	if !o.ours {
		v.failing = new(true)
	}
	switch {
	case o.gone:
		v.disable = "the receiver answered 410 Gone: it wants no more events"
		row["next_attempt_at"] = now
	case !o.ours && now.Sub(failing) >= patience:
		v.disable = "the receiver took nothing for three days"
		row["next_attempt_at"] = now
	case now.Sub(first) >= patience:
		v.ended = true
		row["status"], row["next_attempt_at"] = model.DeliveryFailed, nil
	default:
		row["next_attempt_at"] = now.Add(max(backoff(d.Tries+1), o.after))
	}
	return v
}

// record writes down what became of a try, although the server may be about to stop. Where the lease ended before,
// another server has the delivery, and this one has nothing to say.
func (s *Sender) record(ctx context.Context, d *model.WebhookDelivery, until time.Time, o outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recording)
	defer cancel()
	mine := func(tx *gorm.DB) *gorm.DB {
		return tx.Model(&model.WebhookDelivery{}).Where("id = ? AND next_attempt_at = ?", d.ID, until)
	}
	if o.broken {
		return mine(s.db.Gorm.WithContext(ctx)).Update("next_attempt_at", s.clock().Add(s.o.LookEvery)).Error
	}
	return s.db.Tx(ctx, func(tx *gorm.DB) error {
		hook, err := hold(tx, d.WebhookID)
		if hook == nil || err != nil {
			return err
		}
		now := s.clock()
		v := judge(hook, d, o, now, s.o.Backoff)
		written := mine(tx).Updates(v.delivery)
		if written.Error != nil || written.RowsAffected == 0 {
			return written.Error
		}
		if v.ended && !d.ByHand {
			if err := promote(tx, d, now); err != nil {
				return err
			}
		}
		if v.failing != nil {
			if err := mark(tx, hook, *v.failing, now); err != nil {
				return err
			}
		}
		s.tell(d, o, v)
		if v.disable == "" {
			return nil
		}
		return s.disable(ctx, tx, hook, v.disable)
	})
}

func (s *Sender) tell(d *model.WebhookDelivery, o outcome, v verdict) {
	id := d.ID.String()
	switch {
	case o.taken:
		s.o.Log.Debug("event delivered", "delivery", id, "attempts", d.Attempts+1)
	case v.ended:
		s.o.Log.Warn("event given up", "delivery", id, "attempts", d.Attempts+1, "error", o.said)
	default:
		s.o.Log.Debug("event not delivered yet", "delivery", id, "attempts", d.Attempts+1, "error", o.said)
	}
}

// promote makes the next event of the case due.
func promote(tx *gorm.DB, d *model.WebhookDelivery, now time.Time) error {
	err := tx.Exec(`UPDATE webhook_deliveries SET next_attempt_at = ? WHERE next_attempt_at IS NULL AND id = (
			SELECT id FROM webhook_deliveries WHERE webhook_id = ? AND case_id = ? AND status = 'QUEUED' AND NOT by_hand
			ORDER BY position LIMIT 1)`, now, d.WebhookID, d.CaseID).Error
	if err != nil {
		return fmt.Errorf("let the next event go: %w", err)
	}
	return nil
}

// mark keeps since when the webhook takes nothing.
func mark(tx *gorm.DB, hook *model.Webhook, failing bool, now time.Time) error {
	if failing == (hook.FailingSince != nil) {
		return nil
	}
	var since *time.Time
	if failing {
		since = &now
	}
	return tx.Model(hook).Update("failing_since", since).Error
}

// disable stops a webhook, and has its owner told by mail; where the owner is gone, all administrators. The caller
// holds the webhook's row.
func (s *Sender) disable(ctx context.Context, tx *gorm.DB, hook *model.Webhook, why string) error {
	if !hook.Enabled {
		return nil
	}
	err := tx.Model(hook).Updates(map[string]any{"enabled": false, "disabled_reason": why}).Error
	if err != nil {
		return fmt.Errorf("disable a webhook: %w", err)
	}
	s.o.Log.Warn("webhook disabled", "webhook", hook.ID.String(), "why", why)
	var told []*model.User
	err = tx.Where("active AND id = ?", hook.OwnerID).Find(&told).Error
	if err == nil && len(told) == 0 {
		err = tx.Where("active AND role = 'ADMIN'").Order("id").Find(&told).Error
	}
	if err != nil {
		return fmt.Errorf("read whom to tell: %w", err)
	}
	var mails []model.Notification
	for _, user := range told {
		mails = append(mails, model.Notification{Kind: model.NotifyWebhookDisabled, To: user.Email, WebhookID: &hook.ID, CreatedAt: s.clock()})
	}
	return s.queue.Mail(ctx, tx, mails)
}
