package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/notify"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type notificationResolver struct{ *Resolver }

func (r *Resolver) Notification() graph.NotificationResolver { return notificationResolver{r} }

func (r query) Notifications(ctx context.Context, first *int, after *string, last *int, before *string, f *read.NotificationFilter) (*read.NotificationConnection, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Read.Notifications(ctx, viewer, args(first, after, last, before), f)
}

func (r mutation) RetryNotification(ctx context.Context, in notify.RetryNotificationInput) (*notify.RetryNotificationPayload, error) {
	return withViewer(ctx, r.Retrier.RetryNotification, in)
}

func (notificationResolver) Case(ctx context.Context, notification *model.Notification) (*model.Case, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Cases, notification.CaseID)
}

func (notificationResolver) Response(ctx context.Context, notification *model.Notification) (*model.Response, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Responses, notification.ResponseID)
}

func (notificationResolver) Rule(ctx context.Context, notification *model.Notification) (*model.Rule, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Rules, notification.RuleID)
}
