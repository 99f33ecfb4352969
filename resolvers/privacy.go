package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

func (r *Resolver) CustomerErased() graph.CustomerErasedResolver {
	return eventResolver[*model.CustomerErased]{r}
}

func (r query) ExportCustomer(ctx context.Context, id string) (*read.CustomerExport, error) {
	return r.Read.ExportCustomer(ctx, id)
}

func (r mutation) EraseCustomer(ctx context.Context, in casework.EraseCustomerInput) (*casework.EraseCustomerPayload, error) {
	return as(ctx, r.Work.EraseCustomer, in)
}

func (r mutation) RedactNote(ctx context.Context, in casework.RedactNoteInput) (*casework.RedactNotePayload, error) {
	return as(ctx, r.Work.RedactNote, in)
}
