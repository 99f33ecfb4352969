package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type customerResolver struct{ *Resolver }

func (r *Resolver) Customer() graph.CustomerResolver { return customerResolver{r} }

func (r customerResolver) Responses(ctx context.Context, customer *model.Customer, first *int, after *string, last *int, before *string, f *filter.Response, orderBy []*read.ResponseOrder) (*read.ResponseConnection, error) {
	return read.ResponsesOf(ctx, customer.ID, read.ResponseList{Args: args(first, after, last, before), Filter: f, OrderBy: orderBy, Select: rowSelection(ctx)})
}

func (r customerResolver) Cases(ctx context.Context, customer *model.Customer, first *int, after *string, last *int, before *string, f *filter.Case, orderBy []*read.CaseOrder) (*read.CaseConnection, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Read.CasesOf(ctx, viewer, customer.ID, caseList(ctx, args(first, after, last, before), f, orderBy))
}
