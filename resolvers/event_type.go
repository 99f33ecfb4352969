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

// eventResolver resolves the fields that all event types have.
type eventResolver[E model.CaseEvent] struct{ *Resolver }

type (
	openedResolver struct {
		eventResolver[*model.CaseOpened]
	}
	assignedResolver struct {
		eventResolver[*model.CaseAssigned]
	}
	overdueResolver struct {
		eventResolver[*model.CaseOverdue]
	}
	rootCauseResolver struct {
		eventResolver[*model.RootCauseSet]
	}
)

func (r *Resolver) CaseOpened() graph.CaseOpenedResolver {
	return openedResolver{eventResolver[*model.CaseOpened]{r}}
}

func (r *Resolver) CaseAssigned() graph.CaseAssignedResolver {
	return assignedResolver{eventResolver[*model.CaseAssigned]{r}}
}

func (r *Resolver) CaseOverdue() graph.CaseOverdueResolver {
	return overdueResolver{eventResolver[*model.CaseOverdue]{r}}
}

func (r *Resolver) CaseStatusChanged() graph.CaseStatusChangedResolver {
	return eventResolver[*model.CaseStatusChanged]{r}
}
func (r *Resolver) NoteAdded() graph.NoteAddedResolver { return eventResolver[*model.NoteAdded]{r} }
func (r *Resolver) CaseDetailsChanged() graph.CaseDetailsChangedResolver {
	return eventResolver[*model.CaseDetailsChanged]{r}
}

func (r *Resolver) OutreachRecorded() graph.OutreachRecordedResolver {
	return eventResolver[*model.OutreachRecorded]{r}
}

func (r *Resolver) CustomerReplied() graph.CustomerRepliedResolver {
	return eventResolver[*model.CustomerReplied]{r}
}

func (r *Resolver) RootCauseSet() graph.RootCauseSetResolver {
	return rootCauseResolver{eventResolver[*model.RootCauseSet]{r}}
}

func (r eventResolver[E]) Cursor(ctx context.Context, e E) (string, error) {
	return r.Log.Cursor(ctx, e.Logged())
}

func (eventResolver[E]) Actor(ctx context.Context, e E) (*model.User, error) {
	return loadUser(ctx, e.Logged().ActorID)
}

func (r eventResolver[E]) Note(ctx context.Context, e E) (*model.Note, error) {
	switch logged := e.Logged(); {
	case logged.ReadNote != nil:
		return logged.ReadNote, nil
	case graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription:
		return r.Read.NoteOf(ctx, logged)
	default:
		return read.Optional(ctx, read.LoadersFrom(ctx).Notes, logged.NoteID)
	}
}

func (r eventResolver[E]) Case(ctx context.Context, e E) (*model.Case, error) {
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
		return r.Read.CaseOf(ctx, e.Logged())
	}
	return read.Case(ctx, e.Logged().CaseID)
}

func (eventResolver[E]) Snapshot(_ context.Context, e E) (*model.CaseSnapshot, error) {
	return e.Logged().Then.Flat(), nil
}

func (openedResolver) Origin(_ context.Context, e *model.CaseOpened) (model.CaseOrigin, error) {
	return e.Then.Case.Origin, nil
}

func (openedResolver) Rule(ctx context.Context, e *model.CaseOpened) (*model.Rule, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Rules, e.RuleID)
}

func (assignedResolver) PreviousAssignee(ctx context.Context, e *model.CaseAssigned) (*model.User, error) {
	return loadUser(ctx, e.PreviousAssigneeID)
}

func (assignedResolver) Assignee(ctx context.Context, e *model.CaseAssigned) (*model.User, error) {
	return loadUser(ctx, e.AssigneeID)
}

func (overdueResolver) DueAt(_ context.Context, e *model.CaseOverdue) (*time.Time, error) {
	return e.Then.Case.DueAt, nil
}

func (rootCauseResolver) Whys(_ context.Context, e *model.RootCauseSet) ([]string, error) {
	return append([]string{}, e.Whys...), nil
}
