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

// The list of mails, by its GraphQL names.
type (
	NotificationConnection = page.Connection[model.Notification]
	NotificationEdge       = page.Edge[model.Notification]
)

// NotificationFilter says which mails.
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

// Notifications lists mails, the newest first.
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

// among leaves the rows whose column has one of the values; a list that is not given leaves all. One value alone is
// compared with =: only then does an index that begins with the column give its rows in their order.
func in[T, V any](query *gorm.DB, column string, given []T, values []V) *gorm.DB {
	switch {
	case given == nil:
		return query
	case len(values) == 1:
		return query.Where(column+" = ?", values[0])
	}
	return query.Where(column+" = ANY(?)", pg.Array(values))
}
