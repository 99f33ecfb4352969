package read

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// The page types of mails, with their GraphQL names.
type (
	NotificationConnection = page.Connection[model.Notification]
	NotificationEdge       = page.Edge[model.Notification]
)

// NotificationFilter selects mails. A nil field does not restrict the list.
type NotificationFilter struct {
	Status    []model.NotificationStatus
	Kind      []model.NotificationKind
	Case      []model.CaseID
	To        *filter.Text
	CreatedAt *filter.Time
}

var notificationOrder = page.Order[model.Notification]{
	{Name: "CREATED_AT", Column: "notifications.created_at", Kind: page.Time, Desc: true, Of: func(n *model.Notification) any { return n.CreatedAt }},
	{Name: "notifications.id", Column: "notifications.id", Kind: page.ID, Desc: true, Of: func(n *model.Notification) any { return n.ID.UUID }},
}

// The condition of each status and kind, with what the indexes on notifications need to know besides. The values are
// written into the statement: PostgreSQL reads a partial index only for values that it knows. CASE keeps it from taking a mail
// that failed for rare among those with an error, and from sorting all of them.
var (
	statusConditions = map[model.NotificationStatus]string{
		model.NotificationQueued:  "notifications.status = 'QUEUED' AND notifications.id = ANY(ARRAY(" + job.Mails + "))",
		model.NotificationSent:    "notifications.status = 'SENT'",
		model.NotificationFailed:  "notifications.last_error IS NOT NULL AND CASE notifications.status WHEN 'FAILED' THEN true END",
		model.NotificationNotSent: "notifications.status = 'NOT_SENT'",
	}
	kindConditions = map[model.NotificationKind]string{
		model.NotifyNewResponse:     "notifications.kind = 'NEW_RESPONSE'",
		model.NotifyCaseAssigned:    "notifications.kind = 'CASE_ASSIGNED' AND notifications.event_id IS NOT NULL",
		model.NotifyCaseOverdue:     "notifications.kind = 'CASE_OVERDUE'",
		model.NotifyCaseEscalated:   "notifications.kind = 'CASE_ESCALATED'",
		model.NotifyWebhookDisabled: "notifications.kind = 'WEBHOOK_DISABLED'",
		model.NotifyOldResponses:    "notifications.kind = 'OLD_RESPONSES'",
	}
)

// Notifications lists mails, newest first.
func (r *Reader) Notifications(ctx context.Context, viewer auth.Viewer, args page.Args, f *NotificationFilter) (*NotificationConnection, error) {
	query := r.db.WithContext(ctx).Where(viewer.Scope().Notifications(r.now()))
	if f != nil {
		query = either(query, f.Status, statusConditions)
		query = either(query, f.Kind, kindConditions)
		query = in(query, "notifications.case_id", f.Case, model.UUIDs(f.Case))
		query = query.Where(f.To.Where("notifications.to_fold")).Where(f.CreatedAt.Where("notifications.created_at", r.now()))
	}
	c, err := page.Read(query, notificationOrder, args, nil)
	return wrapErr(c, "list notifications", err)
}

// either restricts the query to rows that meet the condition of one of the values; when given is nil, it does not restrict
// the query.
func either[T cmp.Ordered](query *gorm.DB, given []T, conditions map[T]string) *gorm.DB {
	if given == nil {
		return query
	}
	met := []string{"false"}
	for _, value := range slices.Sorted(maps.Keys(conditions)) {
		if slices.Contains(given, value) {
			met = append(met, conditions[value])
		}
	}
	return query.Where("(" + strings.Join(met, " OR ") + ")")
}

// in restricts the query to rows whose column has one of the values; when given is nil, it does not restrict the query.
// A single value is compared with =, because only then can PostgreSQL read an index that begins with the column in the
// list's order.
func in[T, V any](query *gorm.DB, column string, given []T, values []V) *gorm.DB {
	switch {
	case given == nil:
		return query
	case len(values) == 1:
		return query.Where(column+" = ?", values[0])
	}
	return query.Where(column+" = ANY(?)", pg.Array(values))
}
