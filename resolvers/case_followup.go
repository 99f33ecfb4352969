package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/internal/casework"
)

func (r mutation) RecordOutreach(ctx context.Context, in casework.RecordOutreachInput) (*casework.RecordOutreachPayload, error) {
	return withViewer(ctx, r.Work.RecordOutreach, in)
}

func (r mutation) RecordReply(ctx context.Context, in casework.RecordReplyInput) (*casework.RecordReplyPayload, error) {
	return withViewer(ctx, r.Work.RecordReply, in)
}

func (r mutation) SetRootCause(ctx context.Context, in casework.SetRootCauseInput) (*casework.SetRootCausePayload, error) {
	return withViewer(ctx, r.Work.SetRootCause, in)
}

func (r mutation) LinkCase(ctx context.Context, in casework.LinkCaseInput) (*casework.LinkCasePayload, error) {
	return withViewer(ctx, r.Work.LinkCase, in)
}
