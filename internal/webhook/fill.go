package webhook

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/model"
)

const ownerGone = "its owner is no longer active, or may no longer read cases"

// fill makes the deliveries of what is new in the log: a page of it for each webhook in turn, so that one that is far
// behind holds up no other.
func (s *Sender) fill(ctx context.Context) error {
	for {
		var hooks []*model.Webhook
		if err := s.db.Gorm.WithContext(ctx).Joins("Owner").Where("enabled").Find(&hooks).Error; err != nil {
			return fmt.Errorf("read webhooks: %w", err)
		}
		more := false
		var errs []error
		for _, hook := range hooks {
			moved, err := s.fillOne(ctx, hook)
			more = more || moved
			if err != nil {
				errs = append(errs, fmt.Errorf("webhook %s: %w", hook.ID, err))
			}
		}
		if err := errors.Join(errs...); err != nil || !more || ctx.Err() != nil {
			return err
		}
	}
}

// fillOne moves a webhook by a page of the log; false where it is at the end of it.
func (s *Sender) fillOne(ctx context.Context, hook *model.Webhook) (moved bool, err error) {
	if !reads(hook.Owner) {
		return false, s.db.Tx(ctx, func(tx *gorm.DB) error {
			kept, err := hold(tx, hook.ID)
			if kept == nil || err != nil {
				return err
			}
			return s.disable(ctx, tx, kept, ownerGone)
		})
	}
	events, err := s.log.Since(ctx, hook.Position)
	if err != nil || len(events) == 0 {
		return false, err
	}
	b, err := boundOf(hook)
	if err != nil {
		return false, err
	}
	var wanted []*event.Event
	for _, e := range events {
		if b.wants(e) {
			wanted = append(wanted, e)
		}
	}
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		// Another server may have done it, somebody may have changed the webhook, and a failover may have taken back what
		// this server remembers: then nothing is done, and it is looked at again.
		last := events[len(events)-1]
		claimed := tx.Exec(`UPDATE webhooks SET position = ? WHERE id = ? AND position = ? AND updated_at = ? AND enabled
			AND EXISTS (SELECT 1 FROM case_events WHERE id = ? AND position = ?)`,
			*last.Position, hook.ID, hook.Position, hook.UpdatedAt, last.ID, *last.Position)
		if moved = claimed.RowsAffected > 0; !moved || len(wanted) == 0 {
			return claimed.Error
		}
		return s.queueUp(tx, hook.ID, wanted)
	})
	if err != nil {
		return false, err
	}
	if moved && len(wanted) > 0 {
		s.poked.Send()
	}
	return moved, nil
}

// queueUp makes a delivery for each event. The first of a case that has none on its way is due at once, the others
// wait. The caller holds the webhook's row.
func (s *Sender) queueUp(tx *gorm.DB, id model.WebhookID, events []*event.Event) error {
	cases := make([]model.CaseID, len(events))
	for i, e := range events {
		cases[i] = e.CaseID
	}
	var ahead []model.CaseID
	err := tx.Raw("SELECT DISTINCT case_id FROM webhook_deliveries WHERE webhook_id = ? AND case_id IN ? AND status = 'QUEUED' AND NOT by_hand",
		id, model.UUIDs(cases)).Scan(&ahead).Error
	if err != nil {
		return fmt.Errorf("read the line of deliveries: %w", err)
	}
	waiting := map[model.CaseID]bool{}
	for _, c := range ahead {
		waiting[c] = true
	}
	now := s.clock()
	rows := make([]*model.WebhookDelivery, len(events))
	for i, e := range events {
		rows[i] = &model.WebhookDelivery{
			ID: model.DeliveryID{UUID: model.NewUUID()}, WebhookID: id, EventID: e.ID, CaseID: e.CaseID, Position: *e.Position,
			Status: model.DeliveryQueued, CreatedAt: now,
		}
		if !waiting[e.CaseID] {
			rows[i].NextAttemptAt, waiting[e.CaseID] = &now, true
		}
	}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error; err != nil {
		return fmt.Errorf("make deliveries: %w", err)
	}
	return nil
}

// hold locks a webhook's row, and with it the line of its deliveries; nil where it was deleted.
func hold(tx *gorm.DB, id model.WebhookID) (*model.Webhook, error) {
	var found []*model.Webhook
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}
