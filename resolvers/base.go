package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/read"
)

const nodesMax = 100

func (r query) Node(ctx context.Context, id string) (read.Node, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Read.Node(ctx, viewer, id)
}

func (r query) Nodes(ctx context.Context, ids []string) ([]read.Node, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	if len(ids) > nodesMax {
		return nil, fault.Input("ids", "ids may have at most %d entries", nodesMax)
	}
	return r.Read.Nodes(ctx, viewer, ids)
}
