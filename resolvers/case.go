package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type caseResolver struct{ *Resolver }

func (r *Resolver) Case() graph.CaseResolver { return caseResolver{r} }

func caseList(ctx context.Context, a page.Args, f *filter.Case, orderBy []*read.CaseOrder) read.CaseList {
	return read.CaseList{
		Args: a, Filter: f, OrderBy: orderBy, FeedCursor: selected(ctx, "feedCursor"),
		Select: rowSelection(ctx),
	}
}

func (r query) Cases(ctx context.Context, first *int, after *string, last *int, before *string, f *filter.Case, orderBy []*read.CaseOrder) (*read.CaseConnection, error) {
	return withViewer(ctx, r.Read.Cases, caseList(ctx, args(first, after, last, before), f, orderBy))
}

func (r query) Case(ctx context.Context, number int) (*model.Case, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Read.CaseByNumber(ctx, viewer, number, selection(ctx), noteLists(ctx)...)
}

// noteLists returns what the operation asks the case that is being resolved for its notes.
func noteLists(ctx context.Context) (lists []read.NoteList) {
	oc := graphql.GetOperationContext(ctx)
	for _, f := range graphql.CollectFields(oc, graphql.GetFieldContext(ctx).Field.Selections, nil) {
		if f.Name != "notes" {
			continue
		}
		given := f.ArgumentMap(oc.Variables)
		lists = append(lists, read.NoteList{
			Args:   args(intArgument(given["first"]), stringArgument(given["after"]), intArgument(given["last"]), stringArgument(given["before"])),
			Select: rowsOf(oc, graphql.CollectFields(oc, f.Selections, nil)),
		})
	}
	return lists
}

// intArgument returns an argument that is an Int, if it is given.
func intArgument(v any) *int {
	if n, err := graphql.UnmarshalInt(v); err == nil && v != nil {
		return &n
	}
	return nil
}

// stringArgument returns an argument that is a String, if it is given.
func stringArgument(v any) *string {
	if s, ok := v.(string); ok {
		return &s
	}
	return nil
}

func (caseResolver) Customer(ctx context.Context, c *model.Case) (*model.Customer, error) {
	if c.Customer != nil {
		return c.Customer, nil
	}
	return read.Customer(ctx, c.CustomerID)
}

func (caseResolver) Response(ctx context.Context, c *model.Case) (*model.Response, error) {
	if c.ResponseID != nil && c.Response != nil {
		return c.Response, nil
	}
	return read.Optional(ctx, read.LoadersFrom(ctx).Responses, c.ResponseID)
}

func (caseResolver) Assignee(ctx context.Context, c *model.Case) (*model.User, error) {
	if c.AssigneeID != nil && c.Assignee != nil {
		return c.Assignee, nil
	}
	return loadUser(ctx, c.AssigneeID)
}

func (caseResolver) AssignedBy(ctx context.Context, c *model.Case) (*model.User, error) {
	return loadUser(ctx, c.AssignedByID)
}

func (caseResolver) OpenedBy(ctx context.Context, c *model.Case) (*model.User, error) {
	return loadUser(ctx, c.OpenedByID)
}

func (caseResolver) Rules(ctx context.Context, c *model.Case) ([]*model.Rule, error) {
	return read.LoadersFrom(ctx).RulesOf.Load(ctx, c.ID)
}

func (caseResolver) TimeSinceOpen(ctx context.Context, c *model.Case) (model.Duration, error) {
	return c.TimeSinceOpen(read.LoadersFrom(ctx).Now()), nil
}

func (caseResolver) Overdue(ctx context.Context, c *model.Case) (bool, error) {
	return c.Overdue(read.LoadersFrom(ctx).Now()), nil
}

func (caseResolver) Notes(ctx context.Context, c *model.Case, first *int, after *string, last *int, before *string) (*read.NoteConnection, error) {
	return read.NotesOf(ctx, c.ID, read.NoteList{Args: args(first, after, last, before), Select: rowSelection(ctx)})
}

func (caseResolver) History(ctx context.Context, c *model.Case, first *int, after *string, last *int, before *string) (*read.CaseEventConnection, error) {
	return read.HistoryOf(ctx, c.ID, args(first, after, last, before))
}

func (caseResolver) Notifications(ctx context.Context, c *model.Case) ([]*model.Notification, error) {
	return read.LoadersFrom(ctx).NotificationsOf.Load(ctx, c.ID)
}

func (caseResolver) RootCause(_ context.Context, c *model.Case) ([]string, error) {
	return append([]string{}, c.RootCause...), nil
}

func (caseResolver) ExternalRefs(ctx context.Context, c *model.Case) ([]*model.ExternalRef, error) {
	return read.LoadersFrom(ctx).ExternalRefsOf.Load(ctx, c.ID)
}
