package resolvers

import (
	"cmp"
	"context"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

func (r query) CaseEvents(ctx context.Context, first *int, after *string, last *int, before *string, f *filter.Case, types []model.CaseEventType) (*read.CaseEventConnection, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Read.Events(ctx, viewer, args(first, after, last, before), event.Request{Filter: f, Types: types})
}

func (r subscription) CaseEvents(ctx context.Context, after *string, f *filter.Case, types []model.CaseEventType) (<-chan *read.CaseEventEdge, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return live.Follow(ctx, live.Feed[*read.CaseEventEdge]{
		Start: "after",
		Key:   viewerKey(ctx, viewer, f),
		Open: func(ctx context.Context, from *string) (live.Source[*read.CaseEventEdge], error) {
			w, err := r.Log.Watch(ctx, viewer.Scope(), event.Request{After: cmp.Or(from, after), Filter: f, Types: types, Meter: r.meter(viewer)})
			return eventSource{w}, err
		},
		Position: func(e *read.CaseEventEdge) live.Position {
			return live.Position{Offset: *e.Node.Logged().Position, Cursor: e.Cursor}
		},
	})
}
