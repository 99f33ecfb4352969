package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/live"
)

// watcher is one as live wants it.
type watcher struct{ *event.Watcher }

func (w watcher) Position() live.Position {
	position, cursor := w.Watcher.Position()
	return live.Position{Offset: position, Cursor: cursor}
}

// own is the viewer's id where what they get is not what another with the same rights would get: where the filter asks
// for what is theirs, or may do so in a list further down.
func own(ctx context.Context, viewer auth.Viewer, f *filter.Case) string {
	if f.Mine() || filtersBelow(graphql.GetFieldContext(ctx).Field.Selections, map[string]bool{}) {
		return viewer.User.ID.String()
	}
	return ""
}

// filtersBelow tells whether any field has an argument called filter. Each fragment is looked at once.
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
