package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/report"
)

// board is a watch of figures as live wants it. Its places are no cursors: who comes back is given the newest figures.
type board struct{ *report.Watch }

func (b board) Next(ctx context.Context) ([]*report.CaseSummary, error) {
	s, err := b.Watch.Next(ctx)
	if err != nil {
		return nil, err
	}
	return []*report.CaseSummary{s}, nil
}

func (b board) Position() live.Position { return live.Position{Offset: b.Watch.Place()} }

// Figures hold nothing that erasing a customer would change.
func (board) Outdated(*report.CaseSummary) bool { return false }
func (board) Revision() int64                   { return 0 }

func (r query) CaseSummary(ctx context.Context, f *filter.Case) (*report.CaseSummary, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Reports.CaseSummary(ctx, viewer, f, asked(ctx, "cursor"))
}

func (r subscription) CaseSummary(ctx context.Context, f *filter.Case) (<-chan *report.CaseSummary, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	groups := asked(ctx, "groups")
	return live.Follow(ctx, live.Feed[*report.CaseSummary]{
		Key: own(ctx, viewer, f),
		Open: func(ctx context.Context, _ *string) (live.Source[*report.CaseSummary], error) {
			w, err := r.Reports.Watch(ctx, viewer, f, groups)
			return board{w}, err
		},
		Position: func(s *report.CaseSummary) live.Position { return live.Position{Offset: s.Place()} },
	})
}
