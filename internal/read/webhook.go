package read

import (
	"context"
	"fmt"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/model"
)

// The page types of webhook deliveries, with their GraphQL names.
type (
	WebhookDeliveryConnection = page.Connection[model.WebhookDelivery]
	WebhookDeliveryEdge       = page.Edge[model.WebhookDelivery]
)

// The deliveries of one webhook were made in the order of their events' positions.
var deliveryOrder = page.Order[model.WebhookDelivery]{
	{Name: "POSITION", Column: "position", Kind: page.Integer, Desc: true, Of: func(d *model.WebhookDelivery) any { return int(d.Position) }},
}

// Webhooks lists the viewer's webhooks, newest first; for an administrator, those of all users.
func (r *Reader) Webhooks(ctx context.Context, viewer auth.Viewer) ([]*model.Webhook, error) {
	webhooks := []*model.Webhook{}
	query := r.db.WithContext(ctx)
	if !viewer.Has() {
		query = query.Where("owner_id = ?", viewer.User.ID)
	}
	if err := query.Order("created_at DESC, id DESC").Find(&webhooks).Error; err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	return webhooks, nil
}

// webhook reads a webhook; nil if there is none, or if it is another user's and the viewer is no administrator.
func (r *Reader) webhook(ctx context.Context, viewer auth.Viewer, id model.WebhookID) (*model.Webhook, error) {
	w, err := loadOne[model.Webhook](ctx, r, id)
	if w == nil || err != nil || !viewer.Has() && w.OwnerID != viewer.User.ID {
		return nil, err
	}
	return w, nil
}

// DeliveriesOf lists a webhook's deliveries, newest first.
func DeliveriesOf(ctx context.Context, id model.WebhookID, args page.Args) (*WebhookDeliveryConnection, error) {
	return loadNested[*WebhookDeliveryConnection](ctx, id.UUID, deliveriesOfWebhook, listRequest{Args: args})
}

// Event loads an event by ID; nil if the viewer may not see it. One statement reads all events that one answer asks for.
func Event(ctx context.Context, id model.EventID) (model.CaseEvent, error) {
	e, err := LoadersFrom(ctx).Events.Load(ctx, id)
	if e == nil || err != nil {
		return nil, err
	}
	return e.Typed(), nil
}

func (r *Reader) events(ctx context.Context, scope *filter.Scope, ids []model.EventID) (map[model.EventID]*model.LoggedEvent, error) {
	found, err := r.log.ByID(ctx, scope, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, ok := found[id]; !ok {
			found[id] = nil
		}
	}
	return found, nil
}
