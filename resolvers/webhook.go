package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/model"
)

type (
	webhookResolver  struct{ *Resolver }
	deliveryResolver struct{ *Resolver }
)

func (r *Resolver) Webhook() graph.WebhookResolver                 { return webhookResolver{r} }
func (r *Resolver) WebhookDelivery() graph.WebhookDeliveryResolver { return deliveryResolver{r} }

func (r query) Webhooks(ctx context.Context) ([]*model.Webhook, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Read.Webhooks(ctx, viewer)
}

func (r mutation) CreateWebhook(ctx context.Context, in webhook.CreateWebhookInput) (*webhook.CreateWebhookPayload, error) {
	return withViewer(ctx, r.Webhooks.Create, in)
}

func (r mutation) UpdateWebhook(ctx context.Context, in webhook.UpdateWebhookInput) (*webhook.UpdateWebhookPayload, error) {
	return withViewer(ctx, r.Webhooks.Update, in)
}

func (r mutation) RotateWebhookSecret(ctx context.Context, in webhook.RotateWebhookSecretInput) (*webhook.RotateWebhookSecretPayload, error) {
	return withViewer(ctx, r.Webhooks.RotateSecret, in)
}

func (r mutation) RedeliverWebhook(ctx context.Context, in webhook.RedeliverWebhookInput) (*webhook.RedeliverWebhookPayload, error) {
	return withViewer(ctx, r.Webhooks.Redeliver, in)
}

func (r mutation) DeleteWebhook(ctx context.Context, in webhook.DeleteWebhookInput) (*webhook.DeleteWebhookPayload, error) {
	return withViewer(ctx, r.Webhooks.Delete, in)
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
