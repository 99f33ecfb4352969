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

// RedeliverWebhookPayload is the delivery after the change: QUEUED.
type RedeliverWebhookPayload struct{ Delivery *model.WebhookDelivery }

// Redeliver queues an ended delivery again. The repeated delivery is outside the order of its case: the other deliveries of
// the case do not wait for it.
func (s *Subscriptions) Redeliver(ctx context.Context, viewer auth.Viewer, in RedeliverWebhookInput) (*RedeliverWebhookPayload, error) {
	if err := mayWrite(viewer); err != nil {
		return nil, err
	}
	d := new(model.WebhookDelivery)
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		missing := fault.NotFound("input.deliveryId", "there is no such delivery; an ended delivery is deleted 30 days after its creation")
		err := tx.Where("id = ?", in.DeliveryID).Take(d).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return missing
		}
		if err != nil {
			return fmt.Errorf("read a delivery: %w", err)
		}
		w, err := lockVisible(tx, viewer, d.WebhookID)
		if fault.Is(err, fault.CodeNotFound) {
			return missing
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
			return &fault.Error{Code: fault.CodeConflict, Argument: "input.deliveryId", Message: "this delivery is already queued and will be tried; to try it at once, update the webhook with enabled: true"}
		}
		return tx.Where("id = ?", d.ID).Take(d).Error
	})
	if err != nil {
		return nil, err
	}
	return &RedeliverWebhookPayload{Delivery: d}, nil
}
