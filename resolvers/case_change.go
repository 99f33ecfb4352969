package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/internal/casework"
)

func (r mutation) OpenCase(ctx context.Context, in casework.OpenCaseInput) (*casework.OpenCasePayload, error) {
	return withViewer(ctx, r.Work.OpenCase, in)
}

func (r mutation) AssignCase(ctx context.Context, in casework.AssignCaseInput) (*casework.AssignCasePayload, error) {
	return withViewer(ctx, r.Work.AssignCase, in)
}

func (r mutation) UpdateCaseStatus(ctx context.Context, in casework.UpdateCaseStatusInput) (*casework.UpdateCaseStatusPayload, error) {
	return withViewer(ctx, r.Work.UpdateCaseStatus, in)
}

func (r mutation) AssignCases(ctx context.Context, in casework.AssignCasesInput) (*casework.AssignCasesPayload, error) {
	return withViewer(ctx, r.Work.AssignCases, in)
}
