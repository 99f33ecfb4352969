// Package resolvers owns the translation of GraphQL calls into calls of the packages that do the work. It has one file
// for each schema file. A resolver is short: it gets the viewer, calls one package, and returns what that gave.
//
// It refuses SQL, transactions and decisions.
package resolvers

import (
	"context"
	"reflect"
	"strings"

	"github.com/99designs/gqlgen/graphql"

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

// selected reports whether the operation selects the field at the path below the field that is being resolved.
func selected(ctx context.Context, path ...string) bool {
	fields := graphql.CollectFieldsCtx(ctx, nil)
	for i, name := range path {
		var next []graphql.CollectedField
		for _, f := range fields {
			if f.Name != name {
				continue
			}
			if i == len(path)-1 {
				return true
			}
			next = append(next, graphql.CollectFields(graphql.GetOperationContext(ctx), f.Selections, nil)...)
		}
		fields = next
	}
	return false
}

// selectedRelations returns the to-one relations of a list's rows that the operation selects. GORM's names are those of
// the fields with a capital letter. The order is fixed, so that equal selections give equal SQL statements.
func selectedRelations(ctx context.Context, relations ...string) []string {
	var found []string
	for _, relation := range relations {
		if field := strings.ToLower(relation); selected(ctx, "nodes", field) || selected(ctx, "edges", "node", field) {
			found = append(found, relation)
		}
	}
	return found
}

func loadUser(ctx context.Context, id *model.UserID) (*model.User, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Users, id)
}
