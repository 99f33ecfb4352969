package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type responseResolver struct{ *Resolver }

func (r *Resolver) Response() graph.ResponseResolver { return responseResolver{r} }

func (r mutation) SubmitResponse(ctx context.Context, in intake.SubmitResponseInput) (*intake.SubmitResponsePayload, error) {
	return withViewer(ctx, r.Intake.Submit, in)
}

func (r mutation) UpdateResponse(ctx context.Context, in intake.UpdateResponseInput) (*intake.UpdateResponsePayload, error) {
	return withViewer(ctx, r.Intake.Update, in)
}

func (r mutation) UpdateCustomer(ctx context.Context, in customer.UpdateCustomerInput) (*customer.UpdateCustomerPayload, error) {
	return withViewer(ctx, r.Customers.Update, in)
}

func (r query) Responses(ctx context.Context, first *int, after *string, last *int, before *string, f *filter.Response, orderBy []*read.ResponseOrder) (*read.ResponseConnection, error) {
	return withViewer(ctx, r.Read.Responses, read.ResponseList{
		Args: args(first, after, last, before), Filter: f, OrderBy: orderBy, Select: rowSelection(ctx),
	})
}

func (r query) Customers(ctx context.Context, first *int, after *string, last *int, before *string, f *filter.Customer, orderBy []*read.CustomerOrder) (*read.CustomerConnection, error) {
	return withViewer(ctx, r.Read.Customers, read.CustomerList{
		Args: args(first, after, last, before), Filter: f, OrderBy: orderBy, Select: rowSelection(ctx),
	})
}

func (responseResolver) Customer(ctx context.Context, response *model.Response) (*model.Customer, error) {
	if response.Customer != nil {
		return response.Customer, nil
	}
	return read.Customer(ctx, response.CustomerID)
}

func (responseResolver) Case(ctx context.Context, response *model.Response) (*model.Case, error) {
	return read.LoadersFrom(ctx).CaseOf.Load(ctx, response.ID)
}

func (responseResolver) NextResponse(ctx context.Context, response *model.Response) (*model.Response, error) {
	return read.LoadersFrom(ctx).NextOf.Load(ctx, response.ID)
}
