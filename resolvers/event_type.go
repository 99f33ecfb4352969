package resolvers

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/graph"
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

func (r logged[E]) Cursor(ctx context.Context, e E) (string, error) {
	return r.Log.Cursor(ctx, e.Logged())
}

func (logged[E]) Actor(ctx context.Context, e E) (*model.User, error) {
	return loadUser(ctx, e.Logged().ActorID)
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
	return loadUser(ctx, e.PreviousAssigneeID)
}

func (assigned) Assignee(ctx context.Context, e *model.CaseAssigned) (*model.User, error) {
	return loadUser(ctx, e.AssigneeID)
}

func (overdue) DueAt(_ context.Context, e *model.CaseOverdue) (*time.Time, error) {
	return e.Then.Case.DueAt, nil
}

func (rooted) Whys(_ context.Context, e *model.RootCauseSet) ([]string, error) {
	return append([]string{}, e.Whys...), nil
}
