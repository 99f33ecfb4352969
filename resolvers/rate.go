package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/rate"
)

type viewer struct{ *Resolver }

func (r *Resolver) Viewer() graph.ViewerResolver { return viewer{r} }

func (viewer) RateLimit(ctx context.Context, _ *auth.Viewer) (*rate.Limit, error) {
	return rate.From(ctx)
}
