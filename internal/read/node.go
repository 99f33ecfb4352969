package read

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Node is an object with a global ID.
type Node interface{ IsNode() }

// Node finds an object by ID. It returns nil when the object does not exist or the viewer may not see it.
func (r *Reader) Node(ctx context.Context, viewer auth.Viewer, id string) (Node, error) {
	parsed, err := model.ParseID(id)
	if err != nil {
		return nil, fault.Input("id", "%s", err.Error())
	}
	l := LoadersFrom(ctx)
	staff := viewer.Has(model.Stakeholder, model.Agent, model.Manager)
	switch id := parsed.(type) {
	case model.CustomerID:
		return node(l.Customers.Load(ctx, id))
	case model.ResponseID:
		return node(l.Responses.Load(ctx, id))
	case model.CaseID:
		return node(l.Cases.Load(ctx, id))
	case model.NoteID:
		return node(l.Notes.Load(ctx, id))
	case model.EventID:
		e, err := r.log.Find(ctx, viewer.Scope(), id)
		if e == nil || err != nil {
			return nil, err
		}
		return e.Typed(), nil
	case model.UserID:
		if staff || viewer.User.ID == id {
			return node(l.Users.Load(ctx, id))
		}
	case model.RuleID:
		if staff {
			return node(l.Rules.Load(ctx, id))
		}
	case model.ThemeID:
		return node(loadOne[model.Theme](ctx, r, id))
	case model.NotificationID:
		if staff {
			return node(l.Notifications.Load(ctx, id))
		}
	case model.ImportID:
		if viewer.Has(model.Manager) {
			return node(loadOne[model.Import](ctx, r, id))
		}
	case model.ApiTokenID:
		if viewer.Has() || viewer.TokenID == id {
			return node(l.Tokens.Load(ctx, id))
		}
	case model.AuditEventID:
		if viewer.Has() {
			return node(loadOne[model.AuditEvent](ctx, r, id))
		}
	case model.WebhookID:
		return node(r.webhook(ctx, viewer, id))
	case model.DeliveryID:
		d, err := loadOne[model.WebhookDelivery](ctx, r, id)
		if d == nil || err != nil {
			return nil, err
		}
		if of, err := r.webhook(ctx, viewer, d.WebhookID); of == nil || err != nil {
			return nil, err
		}
		return d, nil
	}
	return nil, nil
}

// node turns a nil pointer into a nil interface.
func node[T any, P interface {
	*T
	Node
}](found P, err error) (Node, error) {
	if found == nil || err != nil {
		return nil, err
	}
	return found, nil
}

func loadOne[T any](ctx context.Context, r *Reader, id any) (*T, error) {
	rows, err := pg.Find[T](r.db.WithContext(ctx).Where("id = ?", id))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// Nodes finds objects by ID, in the order of ids. It looks all of them up concurrently, so that the loaders read objects
// of the same kind together. The result has nil for each object that does not exist or that the viewer may not see.
func (r *Reader) Nodes(ctx context.Context, viewer auth.Viewer, ids []string) ([]Node, error) {
	nodes, errs := make([]Node, len(ids)), make([]error, len(ids))
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() { nodes[i], errs[i] = r.Node(ctx, viewer, id) })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			var f *fault.Error
			if errors.As(err, &f) && f.Argument == "id" {
				return nil, fault.Input(fmt.Sprintf("ids[%d]", i), "%s", f.Message)
			}
			return nil, err
		}
	}
	return nodes, nil
}
