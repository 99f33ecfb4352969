package webhook

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/model"
)

const ownerGone = "its owner is no longer active, or may no longer read cases"

// fill creates the deliveries of new events in the log. It takes one page of the log for each webhook in turn, so that a
// webhook that is far behind does not delay the others.
func (s *Sender) fill(ctx context.Context) error {
	for {
		revision, none, err := s.none(ctx)
		if none || err != nil {
			return err
		}
		var hooks []*model.Webhook
		if err := s.db.Gorm.WithContext(ctx).Joins("Owner").Where("enabled").Find(&hooks).Error; err != nil {
			return fmt.Errorf("read webhooks: %w", err)
		}
		if len(hooks) == 0 {
			s.noneAt.Store(int64(revision))
			return nil
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

// none reports whether fill has found no webhook at the newest revision of the configuration. Then nothing asks for webhooks, or
// their deliveries, after each event and each second.
func (s *Sender) none(ctx context.Context) (revision configuration.Revision, none bool, err error) {
	if revision, err = s.revisions.Recent(ctx); err != nil {
		return 0, false, fmt.Errorf("look for webhooks: %w", err)
	}
	return revision, s.noneAt.Load() == int64(revision), nil
}

// fillOne moves a webhook by one page of the log; it returns false at the end of the log.
func (s *Sender) fillOne(ctx context.Context, hook *model.Webhook) (moved bool, err error) {
	if !mayReadEvents(hook.Owner) {
		return false, s.db.Tx(ctx, func(tx *gorm.DB) error {
			kept, err := lockWebhook(tx, hook.ID)
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
	sel, err := selectionOf(hook)
	if err != nil {
		return false, err
	}
	var selected []*event.Event
	for _, e := range events {
		if sel.wants(e) {
			selected = append(selected, e)
		}
	}
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		// The update fails when another server has moved the position, a user has changed the webhook, or a failover has
		// removed events that this server has cached. Then nothing is created, and the loop reads the webhook again.
		last := events[len(events)-1]
		claimed := tx.Exec(`UPDATE webhooks SET position = ? WHERE id = ? AND position = ? AND updated_at = ? AND enabled
			AND EXISTS (SELECT 1 FROM case_events WHERE id = ? AND position = ?)`,
			*last.Position, hook.ID, hook.Position, hook.UpdatedAt, last.ID, *last.Position)
		if moved = claimed.RowsAffected > 0; !moved || len(selected) == 0 {
			return claimed.Error
		}
		return s.createDeliveries(tx, hook.ID, selected)
	})
	if err != nil {
		return false, err
	}
	if moved && len(selected) > 0 {
		s.woken.Send()
	}
	return moved, nil
}

// createDeliveries creates a delivery for each event. The first delivery of a case without queued deliveries is due at
// once, the others wait. The caller must have locked the webhook's row.
func (s *Sender) createDeliveries(tx *gorm.DB, id model.WebhookID, events []*event.Event) error {
	cases := make([]model.CaseID, len(events))
	for i, e := range events {
		cases[i] = e.CaseID
	}
	var ahead []model.CaseID
	err := tx.Raw("SELECT DISTINCT case_id FROM webhook_deliveries WHERE webhook_id = ? AND case_id IN ? AND status = 'QUEUED' AND NOT by_hand",
		id, model.UUIDs(cases)).Scan(&ahead).Error
	if err != nil {
		return fmt.Errorf("read queued deliveries: %w", err)
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
		return fmt.Errorf("create deliveries: %w", err)
	}
	return nil
}

// lockWebhook locks a webhook's row, which also protects the order of its deliveries; it returns nil for a deleted webhook.
func lockWebhook(tx *gorm.DB, id model.WebhookID) (*model.Webhook, error) {
	var found []*model.Webhook
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}
