package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type viewerResolver struct{ *Resolver }

func (r *Resolver) Viewer() graph.ViewerResolver { return viewerResolver{r} }

func (viewerResolver) Token(ctx context.Context, v *auth.Viewer) (*model.ApiToken, error) {
	return read.LoadersFrom(ctx).Tokens.Load(ctx, v.TokenID)
}

func (viewerResolver) RateLimit(ctx context.Context, _ *auth.Viewer) (*rate.Limit, error) {
	return rate.From(ctx)
}
