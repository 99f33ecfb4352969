package resolvers

import (
	"context"
	"maps"
	"slices"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/report"
)

// figureSource adapts a watch of figures to live.Source. Its positions have no cursors: a client that reconnects gets the
// newest figures.
type figureSource struct{ *report.Watch }

func (b figureSource) Next(ctx context.Context) ([]*report.CaseSummary, error) {
	s, err := b.Watch.Next(ctx)
	if err != nil {
		return nil, err
	}
	return []*report.CaseSummary{s}, nil
}

func (b figureSource) Position() live.Position { return live.Position{Offset: b.Watch.Offset()} }

// Figures contain nothing that the erasure of a customer would change.
func (figureSource) Outdated(*report.CaseSummary) bool { return false }
func (figureSource) Revision() int64                   { return 0 }

func (r query) CaseSummary(ctx context.Context, f *filter.Case) (*report.CaseSummary, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	asked := selection(ctx)
	_, cursor := asked["cursor"]
	return r.Reports.CaseSummary(ctx, viewer, f, report.AskedCounts{
		Figures: slices.Collect(maps.Keys(asked)), Groups: slices.Collect(maps.Keys(asked["groups"])), Cursor: cursor,
	})
}

func (r subscription) CaseSummary(ctx context.Context, f *filter.Case) (<-chan *report.CaseSummary, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	groups := selected(ctx, "groups")
	return live.Follow(ctx, live.Feed[*report.CaseSummary]{
		Key: viewerKey(ctx, viewer, f),
		Open: func(ctx context.Context, _ *string) (live.Source[*report.CaseSummary], error) {
			w, err := r.Reports.Watch(ctx, viewer, f, groups)
			return figureSource{w}, err
		},
		Position: func(s *report.CaseSummary) live.Position { return live.Position{Offset: s.Offset()} },
	})
}
