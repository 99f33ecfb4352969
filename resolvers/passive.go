package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/passive"
	"github.com/closeloop/closeloop/internal/read"
)

func (r query) Passives(ctx context.Context, first *int, after *string, last *int, before *string, f *filter.Response, by []passive.Priority, segments []string) (*read.ResponseConnection, error) {
	return withViewer(ctx, r.Read.Passives, read.PassiveList{
		Args: args(first, after, last, before), Filter: f, PrioritizeBy: by, Segments: segments, Select: rowSelection(ctx),
	})
}

func (r mutation) AllocatePassives(ctx context.Context, in passive.AllocatePassivesInput) (*passive.AllocatePassivesPayload, error) {
	return withViewer(ctx, r.Allocator.Allocate, in)
}
