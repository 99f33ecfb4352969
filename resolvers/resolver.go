// Package resolvers owns the translation of GraphQL calls into calls of the packages that do the work. It has one file
// for each schema file. A resolver is short: it gets the viewer, calls one package, and returns what that gave.
//
// It refuses SQL, transactions and decisions.
package resolvers

import (
	"context"
	"reflect"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/importer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/notify"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/passive"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/settings"
	"github.com/closeloop/closeloop/internal/source"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/model"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	Work      *casework.Work
	Intake    *intake.Intake
	Customers *customer.Customers
	Privacy   *privacy.Privacy
	Allocator *passive.Allocator
	Tagger    *theme.Tagger
	Retrier   *notify.Retrier
	Webhooks  *webhook.Subscriptions
	Users     *user.Users
	Rules     *rule.Rules
	Themes    *theme.Themes
	Settings  *settings.Settings
	Read      *read.Reader
	Reports   *report.Reports
	Log       *event.Log
	Uploads   *importer.Uploads
	Sources   *source.Sources

	FilterWork *rate.Work // of subscriptions
}

type (
	query        struct{ *Resolver }
	mutation     struct{ *Resolver }
	subscription struct{ *Resolver }
)

var _ graph.ResolverRoot = (*Resolver)(nil)

func (r *Resolver) Query() graph.QueryResolver               { return query{r} }
func (r *Resolver) Mutation() graph.MutationResolver         { return mutation{r} }
func (r *Resolver) Subscription() graph.SubscriptionResolver { return subscription{r} }

// withViewer calls do with the viewer of the operation and the input, and primes the loaders with the cases of the payload.
func withViewer[In, Out any](ctx context.Context, do func(context.Context, auth.Viewer, In) (*Out, error), in In) (*Out, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	out, err := do(ctx, viewer, in)
	if err == nil {
		primeCases(ctx, out)
	}
	return out, err
}

// primeCases puts the cases of a payload into the answer's loaders. Other fields of the payload that lead to these cases
// then return them as the write has left them.
func primeCases(ctx context.Context, payload any) {
	v := reflect.Indirect(reflect.ValueOf(payload))
	if v.Kind() != reflect.Struct {
		return
	}
	if one := v.FieldByName("Case"); one.IsValid() {
		if c, ok := one.Interface().(*model.Case); ok {
			read.PrimeCase(ctx, c)
		}
	}
	if many := v.FieldByName("Cases"); many.IsValid() {
		list, _ := many.Interface().([]*model.Case)
		for _, c := range list {
			read.PrimeCase(ctx, c)
		}
	}
}

func args(first *int, after *string, last *int, before *string) page.Args {
	return page.Args{First: first, After: after, Last: last, Before: before}
}

// selected reports whether the operation selects the field below the field that is being resolved.
func selected(ctx context.Context, name string) bool {
	return slices.ContainsFunc(graphql.CollectFieldsCtx(ctx, nil), func(f graphql.CollectedField) bool { return f.Name == name })
}

// selection returns what the operation selects of the object that is being resolved.
func selection(ctx context.Context) read.Selection {
	s := read.Selection{}
	addFields(graphql.GetOperationContext(ctx), s, graphql.GetFieldContext(ctx).Field.Selections, levels)
	return s
}

// rowSelection returns what the operation selects of the rows of the list that is being resolved.
func rowSelection(ctx context.Context) read.Selection {
	return rowsOf(graphql.GetOperationContext(ctx), graphql.CollectFieldsCtx(ctx, nil))
}

// rowsOf returns what the fields of a list select of its rows.
func rowsOf(oc *graphql.OperationContext, fields []graphql.CollectedField) read.Selection {
	s := read.Selection{}
	for _, f := range fields {
		switch f.Name {
		case "nodes":
			addFields(oc, s, f.Selections, levels)
		case "edges":
			for _, below := range graphql.CollectFields(oc, f.Selections, nil) {
				if below.Name == "node" {
					addFields(oc, s, below.Selections, levels)
				}
			}
		}
	}
	return s
}

// levels are how deep a selection is looked at: an object, and the relations that are joined to it.
const levels = 2

// addFields adds the fields of a selection set with those of its fragments, whatever types they are on.
func addFields(oc *graphql.OperationContext, s read.Selection, set ast.SelectionSet, levels int) {
	for _, f := range graphql.CollectFields(oc, set, nil) {
		below := s[f.Name]
		if below == nil && len(f.Selections) > 0 {
			below = read.Selection{}
		}
		if levels > 1 {
			addFields(oc, below, f.Selections, levels-1)
		}
		s[f.Name] = below
	}
}

func loadUser(ctx context.Context, id *model.UserID) (*model.User, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Users, id)
}
