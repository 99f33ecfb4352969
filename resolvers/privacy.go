package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/model"
)

func (r *Resolver) CustomerErased() graph.CustomerErasedResolver {
	return eventResolver[*model.CustomerErased]{r}
}

func (r query) ExportCustomer(ctx context.Context, id string) (*privacy.CustomerExport, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Privacy.ExportCustomer(ctx, viewer, id)
}

func (r mutation) EraseCustomer(ctx context.Context, in privacy.EraseCustomerInput) (*privacy.EraseCustomerPayload, error) {
	return withViewer(ctx, r.Privacy.EraseCustomer, in)
}

func (r mutation) RedactNote(ctx context.Context, in privacy.RedactNoteInput) (*privacy.RedactNotePayload, error) {
	return withViewer(ctx, r.Privacy.RedactNote, in)
}
