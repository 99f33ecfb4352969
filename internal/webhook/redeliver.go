package webhook

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// RedeliverWebhookInput names a delivery.
type RedeliverWebhookInput struct{ DeliveryID model.DeliveryID }

// RedeliverWebhookPayload is the delivery as it is now.
type RedeliverWebhookPayload struct{ Delivery *model.WebhookDelivery }

// Redeliver queues a delivery that has ended once more. It stands beside the line of its case: a receiver that
// still does not take it holds nothing up.
func (s *Subscriptions) Redeliver(ctx context.Context, viewer auth.Viewer, in RedeliverWebhookInput) (*RedeliverWebhookPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	d := new(model.WebhookDelivery)
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		gone := fault.NotFound("input.deliveryId", "there is no such delivery; those that ended are kept for 30 days")
		err := tx.Where("id = ?", in.DeliveryID).Take(d).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return gone
		}
		if err != nil {
			return fmt.Errorf("read a delivery: %w", err)
		}
		w, err := lockExisting(tx, d.WebhookID)
		if fault.Is(err, fault.CodeNotFound) {
			return gone
		}
		if err != nil {
			return err
		}
		if !w.Enabled {
			return &fault.Error{Code: fault.CodeConflict, Argument: "input.deliveryId", Message: "the webhook is disabled; enable it first"}
		}
		now := s.clock()
		done := tx.Model(d).Where("status <> ?", model.DeliveryQueued).Updates(map[string]any{
			"status": model.DeliveryQueued, "by_hand": true, "next_attempt_at": now, "tries": 0, "first_tried_at": nil,
		})
		if done.Error != nil {
			return fmt.Errorf("queue a delivery again: %w", done.Error)
		}
		if done.RowsAffected == 0 {
			return &fault.Error{Code: fault.CodeConflict, Argument: "input.deliveryId", Message: "this is queued, and is tried by itself; enabling the webhook once more tries it at once"}
		}
		return tx.Where("id = ?", d.ID).Take(d).Error
	})
	if err != nil {
		return nil, err
	}
	return &RedeliverWebhookPayload{Delivery: d}, nil
}
