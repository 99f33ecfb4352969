package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type notification struct{ *Resolver }

func (r *Resolver) Notification() graph.NotificationResolver { return notification{r} }

func (notification) Case(ctx context.Context, of *model.Notification) (*model.Case, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Cases, of.CaseID)
}

func (notification) Response(ctx context.Context, of *model.Notification) (*model.Response, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Responses, of.ResponseID)
}

func (notification) Rule(ctx context.Context, of *model.Notification) (*model.Rule, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Rules, of.RuleID)
}
