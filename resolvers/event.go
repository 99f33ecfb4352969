package resolvers

import (
	"cmp"
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

// logged resolves what all types of events have.
type logged[E model.CaseEvent] struct{ *Resolver }

type (
	opened   struct{ logged[*model.CaseOpened] }
	assigned struct{ logged[*model.CaseAssigned] }
	overdue  struct{ logged[*model.CaseOverdue] }
	rooted   struct{ logged[*model.RootCauseSet] }
)

func (r *Resolver) CaseOpened() graph.CaseOpenedResolver {
	return opened{logged[*model.CaseOpened]{r}}
}

func (r *Resolver) CaseAssigned() graph.CaseAssignedResolver {
	return assigned{logged[*model.CaseAssigned]{r}}
}

func (r *Resolver) CaseOverdue() graph.CaseOverdueResolver {
	return overdue{logged[*model.CaseOverdue]{r}}
}

func (r *Resolver) CaseStatusChanged() graph.CaseStatusChangedResolver {
	return logged[*model.CaseStatusChanged]{r}
}
func (r *Resolver) NoteAdded() graph.NoteAddedResolver { return logged[*model.NoteAdded]{r} }
func (r *Resolver) CaseDetailsChanged() graph.CaseDetailsChangedResolver {
	return logged[*model.CaseDetailsChanged]{r}
}

func (r *Resolver) OutreachRecorded() graph.OutreachRecordedResolver {
	return logged[*model.OutreachRecorded]{r}
}

func (r *Resolver) CustomerReplied() graph.CustomerRepliedResolver {
	return logged[*model.CustomerReplied]{r}
}

func (r *Resolver) RootCauseSet() graph.RootCauseSetResolver {
	return rooted{logged[*model.RootCauseSet]{r}}
}

func (r query) CaseEvents(ctx context.Context, first *int, after *string, last *int, before *string, f *filter.Case, types []model.CaseEventType) (*read.CaseEventConnection, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Read.Events(ctx, viewer, args(first, after, last, before), event.Request{Filter: f, Types: types})
}

func (r subscription) CaseEvents(ctx context.Context, after *string, f *filter.Case, types []model.CaseEventType) (<-chan model.CaseEvent, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return live.Follow(ctx, live.Feed[model.CaseEvent]{
		Start: "after",
		Key:   own(ctx, viewer, f),
		Open: func(ctx context.Context, from *string) (live.Source[model.CaseEvent], error) {
			w, err := r.Log.Watch(ctx, viewer.Scope(), event.Request{After: cmp.Or(from, after), Filter: f, Types: types})
			return watcher{w}, err
		},
		Place: func(e model.CaseEvent) live.Place {
			return live.Place{Position: *e.Logged().Position, Cursor: e.Logged().Cursor}
		},
	})
}

func (r logged[E]) Cursor(ctx context.Context, e E) (string, error) {
	return r.Log.Cursor(ctx, e.Logged())
}

func (logged[E]) Actor(ctx context.Context, e E) (*model.User, error) {
	return user(ctx, e.Logged().ActorID)
}

func (logged[E]) Note(ctx context.Context, e E) (*model.Note, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Notes, e.Logged().NoteID)
}

func (r logged[E]) Case(ctx context.Context, e E) (*model.Case, error) {
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
		return r.Read.CaseOf(ctx, e.Logged())
	}
	return read.Case(ctx, e.Logged().CaseID)
}

func (logged[E]) Snapshot(_ context.Context, e E) (*model.CaseSnapshot, error) {
	return e.Logged().Then.Flat(), nil
}

func (opened) Origin(_ context.Context, e *model.CaseOpened) (model.CaseOrigin, error) {
	return e.Then.Case.Origin, nil
}

func (opened) Rule(ctx context.Context, e *model.CaseOpened) (*model.Rule, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Rules, e.RuleID)
}

func (assigned) PreviousAssignee(ctx context.Context, e *model.CaseAssigned) (*model.User, error) {
	return user(ctx, e.PreviousAssigneeID)
}

func (assigned) Assignee(ctx context.Context, e *model.CaseAssigned) (*model.User, error) {
	return user(ctx, e.AssigneeID)
}

func (overdue) DueAt(_ context.Context, e *model.CaseOverdue) (*time.Time, error) {
	return e.Then.Case.DueAt, nil
}

func (rooted) Whys(_ context.Context, e *model.RootCauseSet) ([]string, error) {
	return append([]string{}, e.Whys...), nil
}
