package read

import (
	"context"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// The page types of the audit, with their GraphQL names.
type (
	AuditEventConnection = page.Connection[model.AuditEvent]
	AuditEventEdge       = page.Edge[model.AuditEvent]
)

var auditOrder = page.Order[model.AuditEvent]{
	{Name: "AT", Column: "at", Kind: page.Time, Desc: true, Of: func(e *model.AuditEvent) any { return e.At }},
	{Name: "ID", Column: "id", Kind: page.ID, Desc: true, Of: func(e *model.AuditEvent) any { return e.ID.UUID }},
}

// AuditEventFilter selects entries of the audit. A nil field does not restrict the list.
type AuditEventFilter struct {
	Actor      []model.UserID
	Action     []model.AuditAction
	ObjectType []model.AuditObject
	Object     []string
	At         *filter.Time
}

// AuditEvents lists the audit, newest first.
func (r *Reader) AuditEvents(ctx context.Context, args page.Args, f *AuditEventFilter) (*AuditEventConnection, error) {
	query := r.db.WithContext(ctx)
	if f != nil {
		if f.Actor != nil {
			query = query.Where("actor_id = ANY(?)", pg.Array(model.UUIDs(f.Actor)))
		}
		if f.Action != nil {
			query = query.Where("action = ANY(?)", pg.Array(f.Action))
		}
		if f.ObjectType != nil {
			query = query.Where("object_type = ANY(?)", pg.Array(f.ObjectType))
		}
		if f.Object != nil {
			for _, id := range f.Object {
				if _, err := model.ParseID(id); err != nil {
					return nil, fault.Input("filter.object", "%s", err.Error())
				}
			}
			query = query.Where("object_id = ANY(?)", pg.Array(f.Object))
		}
		query = query.Where(f.At.Where("at", r.now()))
	}
	c, err := page.Read(query, auditOrder, args, nil)
	return wrapErr(c, "list the audit", err)
}
