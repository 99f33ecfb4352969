package webhook

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/closeloop/closeloop/model"
)

// dispatch posts the due deliveries, each in a goroutine of its own, with a limit for each webhook, so that a slow receiver
// does not delay the others.
func (s *Sender) dispatch(ctx, posting context.Context) error {
	if _, none, err := s.none(ctx); none || err != nil {
		return err
	}
	now := s.clock()
	var hooks []*model.Webhook
	err := s.db.Gorm.WithContext(ctx).Joins("Owner").
		Where("enabled AND EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = webhooks.id AND d.next_attempt_at <= ?)", now).Find(&hooks).Error
	if err != nil {
		return fmt.Errorf("look for deliveries: %w", err)
	}
	var errs []error
	for _, hook := range hooks {
		free := s.free(hook.ID)
		if free == 0 {
			continue
		}
		due, until, err := s.lease(ctx, hook.ID, free)
		errs = append(errs, err)
		for _, d := range due {
			s.started(hook.ID)
			s.tasks.Go(func() {
				defer s.finished(hook.ID)
				s.deliver(posting, hook, d, until)
			})
		}
	}
	return errors.Join(errs...)
}

// lease returns due deliveries and moves their next try to the end of the lease, so that no other server takes them.
func (s *Sender) lease(ctx context.Context, id model.WebhookID, n int) (due []*model.WebhookDelivery, until time.Time, err error) {
	now := s.clock()
	until = now.Add(s.o.LeaseTime)
	err = s.db.Gorm.WithContext(ctx).Raw(`WITH due AS MATERIALIZED (
			SELECT id FROM webhook_deliveries WHERE webhook_id = ? AND next_attempt_at <= ?
			ORDER BY next_attempt_at, position LIMIT ? FOR UPDATE SKIP LOCKED
		) UPDATE webhook_deliveries d SET next_attempt_at = ? FROM due WHERE d.id = due.id RETURNING d.*`, id, now, n, until).Scan(&due).Error
	if err != nil {
		return nil, until, fmt.Errorf("lease deliveries: %w", err)
	}
	return due, until, nil
}

// deliver runs one try and records its result.
func (s *Sender) deliver(ctx context.Context, hook *model.Webhook, d *model.WebhookDelivery, until time.Time) {
	defer func() {
		if v := recover(); v != nil { // the lease expires, and the delivery is tried again
			s.o.Log.Error("panic", "doing", "post an event", "delivery", d.ID.String(), "panic", v, "stack", string(debug.Stack()))
		}
	}()
	r := s.try(ctx, hook, d)
	if err := s.record(ctx, d, until, r); err != nil {
		s.o.Log.Error("the result of a delivery could not be stored; the event will be posted again", "delivery", d.ID.String(), "error", err)
	}
}

func (s *Sender) free(id model.WebhookID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return requestsMax - s.running[id]
}

func (s *Sender) started(id model.WebhookID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[id]++
}

func (s *Sender) finished(id model.WebhookID) {
	s.mu.Lock()
	if s.running[id]--; s.running[id] == 0 {
		delete(s.running, id)
	}
	s.mu.Unlock()
	s.woken.Send() // another request may run, and the next event of the case may be due
}
