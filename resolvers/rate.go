package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/rate"
)

type viewerResolver struct{ *Resolver }

func (r *Resolver) Viewer() graph.ViewerResolver { return viewerResolver{r} }

func (viewerResolver) RateLimit(ctx context.Context, _ *auth.Viewer) (*rate.Limit, error) {
	return rate.From(ctx)
}
