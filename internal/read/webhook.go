package read

import (
	"context"
	"fmt"

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

// Webhooks lists all webhooks, newest first.
func (r *Reader) Webhooks(ctx context.Context) ([]*model.Webhook, error) {
	webhooks := []*model.Webhook{}
	if err := r.db.WithContext(ctx).Order("created_at DESC, id DESC").Find(&webhooks).Error; err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	return webhooks, nil
}

// DeliveriesOf lists a webhook's deliveries, newest first.
func DeliveriesOf(ctx context.Context, id model.WebhookID, args page.Args) (*WebhookDeliveryConnection, error) {
	return loadNested[*WebhookDeliveryConnection](ctx, id.UUID, deliveriesOfWebhook, args, nil, nil, model.UserID{})
}

// Event loads an event by ID. One statement reads all events that one answer asks for.
func Event(ctx context.Context, id model.EventID) (model.CaseEvent, error) {
	e, err := LoadersFrom(ctx).Events.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, notFound("event")
	}
	return e.Typed(), nil
}

func (r *Reader) events(ctx context.Context, ids []model.EventID) (map[model.EventID]*model.LoggedEvent, error) {
	found, err := r.log.ByID(ctx, ids)
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
