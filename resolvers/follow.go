package resolvers

import (
	"context"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

var _ live.Replayer[*read.CaseEventEdge] = eventSource{}

// eventSource adapts an event watcher to live.Replayer.
type eventSource struct{ *event.Watcher }

func (w eventSource) Next(ctx context.Context) ([]*read.CaseEventEdge, error) {
	events, err := w.Watcher.Next(ctx)
	return edgesOf(events), err
}

func (w eventSource) Outdated(e *read.CaseEventEdge) bool { return w.Watcher.Outdated(e.Node) }

func (w eventSource) Position() live.Position {
	position, cursor := w.Watcher.Position()
	return live.Position{Offset: position, Cursor: cursor}
}

func (w eventSource) Seek(to live.Position) error { return w.Watcher.Seek(to.Cursor) }

func (w eventSource) Read(ctx context.Context) ([]*read.CaseEventEdge, error) {
	events, err := w.Watcher.Read(ctx)
	if errors.Is(err, event.ErrUnreadable) {
		err = fmt.Errorf("%w: %w", live.ErrUnavailable, err)
	}
	return edgesOf(events), err
}

func (w eventSource) StillShown(e *read.CaseEventEdge) func() bool {
	return w.Watcher.StillShown(e.Node)
}

func edgesOf(events []model.CaseEvent) []*read.CaseEventEdge {
	edges := make([]*read.CaseEventEdge, len(events))
	for i, e := range events {
		edges[i] = read.EdgeOf(e)
	}
	return edges
}

// meter makes the viewer's token, and those that share the subscription with it, pay for deciding its filter.
func (r subscription) meter(viewer auth.Viewer) *event.Meter {
	return &event.Meter{Work: r.FilterWork, Tokens: func(ctx context.Context) []model.ApiTokenID {
		var tokens []model.ApiTokenID
		for _, session := range live.Sharers(ctx) {
			if token, err := auth.TokenOf(session); err == nil {
				tokens = append(tokens, token)
			}
		}
		if tokens == nil {
			tokens = []model.ApiTokenID{viewer.TokenID}
		}
		return tokens
	}}
}

// viewerKey returns the viewer's ID if another viewer with the same rights could get another answer: if the filter asks
// for the viewer's own cases, or if a list further down has a filter that may do so. Otherwise it returns an empty string.
func viewerKey(ctx context.Context, viewer auth.Viewer, f *filter.Case) string {
	if f.Mine() || filtersBelow(graphql.GetFieldContext(ctx).Field.Selections, map[string]bool{}) {
		return viewer.User.ID.String()
	}
	return ""
}

// filtersBelow reports whether a field at any depth has the argument filter. It visits each fragment once.
func filtersBelow(set ast.SelectionSet, seen map[string]bool) bool {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if s.Arguments.ForName("filter") != nil || filtersBelow(s.SelectionSet, seen) {
				return true
			}
		case *ast.InlineFragment:
			if filtersBelow(s.SelectionSet, seen) {
				return true
			}
		case *ast.FragmentSpread:
			if s.Definition == nil || seen[s.Name] {
				continue
			}
			if seen[s.Name] = true; filtersBelow(s.Definition.SelectionSet, seen) {
				return true
			}
		}
	}
	return false
}
