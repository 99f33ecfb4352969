package read

import (
	"context"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
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

// Notifications lists mails, newest first.
func (r *Reader) Notifications(ctx context.Context, viewer auth.Viewer, args page.Args, f *NotificationFilter) (*NotificationConnection, error) {
	query := r.db.WithContext(ctx).Where(viewer.Scope().Notifications(r.now()))
	if f != nil {
		query = in(query, "notifications.status", f.Status, f.Status)
		query = in(query, "notifications.kind", f.Kind, f.Kind)
		query = in(query, "notifications.case_id", f.Case, model.UUIDs(f.Case))
		query = query.Where(f.To.Where("notifications.to_fold")).Where(f.CreatedAt.Where("notifications.created_at", r.now()))
	}
	c, err := page.Read(query, notificationOrder, args, nil)
	return wrapErr(c, "list notifications", err)
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
