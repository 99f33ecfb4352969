package job

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// DO NOTHING has no conflict target, so it covers both partial unique indexes, and equal rows in one list.
const insertNotifications = `
INSERT INTO notifications (id, kind, "to", to_fold, case_id, response_id, rule_id, event_id, created_at, webhook_id, status)
SELECT n.*, $11::text
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
              $9::timestamptz[], $10::uuid[]) AS n
ON CONFLICT DO NOTHING
RETURNING id`

// KeepUnsent makes Mail store notifications as NOT_SENT and queue no mails: there is no mail server. Call it before Mail.
func (q *Queue) KeepUnsent() { q.unsent = true }

// Mail stores the notifications and queues a mail for each, in tx. An address gets one mail at most about a response and
// one about an event: Mail skips, without an error, a notification that repeats a stored one or another one of the list.
// The caller sets Kind, To, CaseID, ResponseID, RuleID, EventID, WebhookID and CreatedAt; Mail makes ID, ToFold and
// Status. An empty list or a nil queue does nothing.
func (q *Queue) Mail(ctx context.Context, tx *gorm.DB, list []model.Notification) error {
	p := pg.NewPipeline(tx)
	stored := q.AddMail(p, list)
	if err := p.Send(); err != nil {
		return err
	}
	return stored.Queue(ctx, tx)
}

// AddMail adds to a pipeline what stores the notifications, as Mail does. When the pipeline has been sent, the caller calls
// Queue on what AddMail returns, which queues the mails.
func (q *Queue) AddMail(p *pg.Pipeline, list []model.Notification) *StoredMail {
	stored := &StoredMail{queue: q}
	if q == nil || len(list) == 0 {
		return stored
	}
	status := model.NotificationQueued
	if q.unsent {
		status = model.NotificationNotSent
	}
	p.Query("insert notifications", insertNotifications, append(columns(list), string(status)), func(rows pgx.Rows) (err error) {
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if !q.unsent {
			stored.ids = ids
		}
		return err
	})
	return stored
}

// StoredMail are notifications that are stored and not queued yet.
type StoredMail struct {
	queue *Queue
	ids   []uuid.UUID
}

// Queue queues the mails, in tx.
func (s *StoredMail) Queue(ctx context.Context, tx *gorm.DB) error {
	if len(s.ids) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, len(s.ids))
	for i, id := range s.ids {
		jobs[i].Args = SendMail{NotificationID: model.NotificationID{UUID: id}}
	}
	if _, err := s.queue.river.InsertManyTx(ctx, pg.Raw(tx), jobs); err != nil {
		return fmt.Errorf("queue mails: %w", err)
	}
	return nil
}

// columns returns one array for each column, so that one statement inserts any number of rows.
func columns(list []model.Notification) []any {
	size := len(list)
	ids, at := make([]uuid.UUID, size), make([]time.Time, size)
	kinds, to, folds := make([]string, size), make([]string, size), make([]string, size)
	cases, responses := make([]*uuid.UUID, size), make([]*uuid.UUID, size)
	rules, events, webhooks := make([]*uuid.UUID, size), make([]*uuid.UUID, size), make([]*uuid.UUID, size)
	for i := range list {
		n := &list[i]
		ids[i], at[i] = model.NewUUID(), n.CreatedAt
		kinds[i], to[i], folds[i] = string(n.Kind), n.To, model.Fold(n.To)
		cases[i], responses[i] = uuidOf(n.CaseID), uuidOf(n.ResponseID)
		rules[i], events[i], webhooks[i] = uuidOf(n.RuleID), uuidOf(n.EventID), uuidOf(n.WebhookID)
	}
	return []any{ids, kinds, to, folds, cases, responses, rules, events, at, webhooks}
}

func uuidOf[T model.AnyID](id *T) *uuid.UUID {
	if id == nil {
		return nil
	}
	u := struct{ uuid.UUID }(*id).UUID
	return &u
}
