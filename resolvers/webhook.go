package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/model"
)

type (
	webhookResolver  struct{ *Resolver }
	deliveryResolver struct{ *Resolver }
)

func (r *Resolver) Webhook() graph.WebhookResolver                 { return webhookResolver{r} }
func (r *Resolver) WebhookDelivery() graph.WebhookDeliveryResolver { return deliveryResolver{r} }

func (r query) Webhooks(ctx context.Context) ([]*model.Webhook, error) { return r.Read.Webhooks(ctx) }

func (r mutation) CreateWebhook(ctx context.Context, in setup.CreateWebhookInput) (*setup.CreateWebhookPayload, error) {
	return as(ctx, r.Setup.CreateWebhook, in)
}

func (r mutation) UpdateWebhook(ctx context.Context, in setup.UpdateWebhookInput) (*setup.UpdateWebhookPayload, error) {
	return r.Setup.UpdateWebhook(ctx, in)
}

func (r mutation) RotateWebhookSecret(ctx context.Context, in setup.RotateWebhookSecretInput) (*setup.RotateWebhookSecretPayload, error) {
	return r.Setup.RotateWebhookSecret(ctx, in)
}

func (r mutation) RedeliverWebhook(ctx context.Context, in setup.RedeliverWebhookInput) (*setup.RedeliverWebhookPayload, error) {
	return r.Setup.RedeliverWebhook(ctx, in)
}

func (r mutation) DeleteWebhook(ctx context.Context, in setup.DeleteWebhookInput) (*setup.DeleteWebhookPayload, error) {
	return r.Setup.DeleteWebhook(ctx, in)
}

func (webhookResolver) Owner(ctx context.Context, webhook *model.Webhook) (*model.User, error) {
	return read.LoadersFrom(ctx).Users.Load(ctx, webhook.OwnerID)
}

func (webhookResolver) Deliveries(ctx context.Context, webhook *model.Webhook, first *int, after *string, last *int, before *string) (*read.WebhookDeliveryConnection, error) {
	return read.DeliveriesOf(ctx, webhook.ID, args(first, after, last, before))
}

func (deliveryResolver) Event(ctx context.Context, delivery *model.WebhookDelivery) (model.CaseEvent, error) {
	return read.Event(ctx, delivery.EventID)
}
