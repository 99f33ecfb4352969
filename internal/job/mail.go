package job

import (
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// mailAttempts is more than the tries that the worker counts in the notification's row; see SendMail.
const mailAttempts = 300

// insertNotifications stores notifications, and queues a mail for each new one that is to be sent, as River would with the
// defaults of its table. So nobody needs to read which of them are new, and the statement can wait for the COMMIT.
// DO NOTHING has no conflict target, so it covers all partial unique indexes, and equal rows in one list.
const insertNotifications = `
WITH stored AS (
	INSERT INTO notifications (id, kind, "to", to_fold, case_id, response_id, rule_id, event_id, created_at, webhook_id, import_id, status)
	SELECT n.*, $12::text
	  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
	              $9::timestamptz[], $10::uuid[], $11::uuid[]) AS n
	ON CONFLICT DO NOTHING
	RETURNING id, status
)
INSERT INTO river_job (kind, args, max_attempts)
SELECT $13::text, jsonb_build_object('notificationId', id), $14::smallint FROM stored WHERE status = 'QUEUED'`

// KeepUnsent makes Mail store notifications as NOT_SENT and queue no mails: there is no mail server. Call it before Mail.
func (q *Queue) KeepUnsent() { q.unsent = true }

// Mail stores the notifications and queues a mail for each, in tx. An address gets one mail at most about a response,
// one about an event and one about the old responses of an import: Mail skips, without an error, a notification that repeats a stored one or another one of the list.
// The caller sets Kind, To, CaseID, ResponseID, RuleID, EventID, WebhookID, ImportID and CreatedAt; Mail makes ID, ToFold and
// Status. An empty list or a nil queue does nothing.
func (q *Queue) Mail(tx *gorm.DB, list []model.Notification) error {
	return pg.Pipelined(tx, func(p *pg.Pipeline) { q.AddMail(p, list) })
}

// AddMail adds Mail to a pipeline.
func (q *Queue) AddMail(p *pg.Pipeline, list []model.Notification) {
	if q == nil || len(list) == 0 {
		return
	}
	status := model.NotificationQueued
	if q.unsent {
		status = model.NotificationNotSent
	}
	p.Exec("queue mails", insertNotifications, append(columns(list), string(status), SendMail{}.Kind(), mailAttempts)...)
}

// columns returns one array for each column, so that one statement inserts any number of rows.
func columns(list []model.Notification) []any {
	size := len(list)
	ids, at := make([]uuid.UUID, size), make([]time.Time, size)
	kinds, to, folds := make([]string, size), make([]string, size), make([]string, size)
	cases, responses := make([]*uuid.UUID, size), make([]*uuid.UUID, size)
	rules, events, webhooks, imports := make([]*uuid.UUID, size), make([]*uuid.UUID, size), make([]*uuid.UUID, size), make([]*uuid.UUID, size)
	for i := range list {
		n := &list[i]
		ids[i], at[i] = model.NewUUID(), n.CreatedAt
		kinds[i], to[i], folds[i] = string(n.Kind), n.To, model.Fold(n.To)
		cases[i], responses[i] = uuidOf(n.CaseID), uuidOf(n.ResponseID)
		rules[i], events[i], webhooks[i], imports[i] = uuidOf(n.RuleID), uuidOf(n.EventID), uuidOf(n.WebhookID), uuidOf(n.ImportID)
	}
	return []any{ids, kinds, to, folds, cases, responses, rules, events, at, webhooks, imports}
}

func uuidOf[T model.AnyID](id *T) *uuid.UUID {
	if id == nil {
		return nil
	}
	u := struct{ uuid.UUID }(*id).UUID
	return &u
}
