package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/internal/argument"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/importer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

func (r mutation) ImportResponses(ctx context.Context, input importer.ImportResponsesInput) (*importer.ImportResponsesPayload, error) {
	return withViewer(ctx, r.Uploads.Receive, input)
}

func (r mutation) SubmitResponses(ctx context.Context, input intake.SubmitResponsesInput) (*intake.SubmitResponsesPayload, error) {
	input.Rejected = argument.RejectedRows(ctx)
	return withViewer(ctx, r.Intake.SubmitMany, input)
}

func (r query) Imports(ctx context.Context, first *int, after *string, last *int, before *string) (*read.ImportConnection, error) {
	return r.Read.Imports(ctx, args(first, after, last, before))
}

func (r subscription) ImportProgress(ctx context.Context, id string) (<-chan *model.Import, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	var parsed model.ImportID
	if err := parsed.UnmarshalGQL(id); err != nil {
		return nil, fault.Input("id", "%s", err.Error())
	}
	return r.Uploads.Watch(ctx, viewer, parsed, live.Fail)
}
