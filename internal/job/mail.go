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

// Without a conflict target, DO NOTHING covers both partial indexes, and two equal rows of one list.
const insertNotifications = `
INSERT INTO notifications (id, kind, "to", to_fold, case_id, response_id, rule_id, event_id, created_at, webhook_id, status)
SELECT n.*, 'QUEUED'
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
              $9::timestamptz[], $10::uuid[]) AS n
ON CONFLICT DO NOTHING
RETURNING id`

// Mail keeps the notifications and queues a mail for each, in tx. Nobody is told twice of one response, nor of one
// event: who has been, in this list or ever, is left out without an error. What the caller says is Kind, To,
// CaseID, ResponseID, RuleID, EventID, WebhookID and CreatedAt; ID, ToFold and Status are made here. An empty list
// does nothing, and a nil queue tells nobody, ever.
func (q *Queue) Mail(ctx context.Context, tx *gorm.DB, list []model.Notification) error {
	if q == nil || len(list) == 0 {
		return nil
	}
	raw := pg.Raw(tx)
	rows, err := raw.Query(ctx, insertNotifications, columns(list)...)
	if err != nil {
		return fmt.Errorf("insert notifications: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("insert notifications: %w", err)
	}
	if len(ids) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, len(ids))
	for i, id := range ids {
		jobs[i].Args = SendMail{NotificationID: model.NotificationID{UUID: id}}
	}
	if _, err := q.river.InsertManyTx(ctx, raw, jobs); err != nil {
		return fmt.Errorf("queue mails: %w", err)
	}
	return nil
}

// columns turns the rows into one array for each column: one statement whatever the number of rows.
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
		cases[i], responses[i] = inside(n.CaseID), inside(n.ResponseID)
		rules[i], events[i], webhooks[i] = inside(n.RuleID), inside(n.EventID), inside(n.WebhookID)
	}
	return []any{ids, kinds, to, folds, cases, responses, rules, events, at, webhooks}
}

func inside[T model.AnyID](id *T) *uuid.UUID {
	if id == nil {
		return nil
	}
	u := struct{ uuid.UUID }(*id).UUID
	return &u
}
