package read

import (
	"context"
	"fmt"

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

// AuditEventFilter selects entries of the audit. A nil field does not restrict the list. The IDs are unchecked.
type AuditEventFilter struct {
	Actor      []string
	Action     []model.AuditAction
	ObjectType []model.AuditObject
	Object     []string
	At         *filter.Time
}

// AuditEvents lists the audit, newest first.
func (r *Reader) AuditEvents(ctx context.Context, args page.Args, f *AuditEventFilter) (*AuditEventConnection, error) {
	query := r.db.WithContext(ctx)
	if f != nil {
		actors, err := f.check()
		if err != nil {
			return nil, err
		}
		if f.Actor != nil {
			query = query.Where("actor_id = ANY(?)", pg.Array(model.UUIDs(actors)))
		}
		if f.Action != nil {
			query = query.Where("action = ANY(?)", pg.Array(f.Action))
		}
		if f.ObjectType != nil {
			query = query.Where("object_type = ANY(?)", pg.Array(f.ObjectType))
		}
		if f.Object != nil {
			query = query.Where("object_id = ANY(?)", pg.Array(f.Object))
		}
		query = query.Where(f.At.Where("at", r.now()))
	}
	c, err := page.Read(query, auditOrder, args, nil)
	return wrapErr(c, "list the audit", err)
}

// check reads the IDs of the users and checks those of the objects. It returns the faults of all of them together.
func (f *AuditEventFilter) check() (actors []model.UserID, err error) {
	actors = make([]model.UserID, len(f.Actor))
	var faults []error
	for i, id := range f.Actor {
		if err := actors[i].UnmarshalGQL(id); err != nil {
			faults = append(faults, fault.Input(fmt.Sprintf("filter.actor[%d]", i), "%s", err.Error()))
		}
	}
	for i, id := range f.Object {
		if _, err := model.ParseID(id); err != nil {
			faults = append(faults, fault.Input(fmt.Sprintf("filter.object[%d]", i), "%s", err.Error()))
		}
	}
	return actors, fault.Join(faults...)
}
