package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/internal/casework"
)

func (r mutation) RecordOutreaches(ctx context.Context, in casework.RecordOutreachesInput) (*casework.RecordOutreachesPayload, error) {
	return withViewer(ctx, r.Work.RecordOutreaches, in)
}
