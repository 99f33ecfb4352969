// Package resolvers translates GraphQL calls into calls of the packages that do the work: one file for each schema
// file, ten lines at most for each resolver.
//
// It refuses SQL, transactions and decisions.
package resolvers

import (
	"context"
	"reflect"
	"strings"
	"time"

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
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/internal/theme"
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
	Setup     *setup.Setup
	Themes    *theme.Themes
	Read      *read.Reader
	Reports   *report.Reports
	Log       *event.Log
	Uploads   *importer.Uploads
	Now       func() time.Time
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

// as calls a method that wants the viewer and an input.
func as[In, Out any](ctx context.Context, do func(context.Context, auth.Viewer, In) (*Out, error), in In) (*Out, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	out, err := do(ctx, viewer, in)
	if err == nil {
		show(ctx, out)
	}
	return out, err
}

// show makes the cases of a payload those of its answer, so that what else in it leads to them finds them as they were
// written.
func show(ctx context.Context, payload any) {
	v := reflect.Indirect(reflect.ValueOf(payload))
	if v.Kind() != reflect.Struct {
		return
	}
	if one := v.FieldByName("Case"); one.IsValid() {
		if c, ok := one.Interface().(*model.Case); ok {
			read.Show(ctx, c)
		}
	}
	if many := v.FieldByName("Cases"); many.IsValid() {
		list, _ := many.Interface().([]*model.Case)
		for _, c := range list {
			read.Show(ctx, c)
		}
	}
}

func args(first *int, after *string, last *int, before *string) page.Args {
	return page.Args{First: first, After: after, Last: last, Before: before}
}

// asked tells whether the answer has this field somewhere below the one being resolved, by the names on the way.
func asked(ctx context.Context, path ...string) bool {
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

// joins tells which of the to-one relations of a list's rows are asked for. GORM calls them as the fields, but for the
// capital letter; their order stays, so that the same question is the same statement.
func joins(ctx context.Context, relations ...string) []string {
	var wanted []string
	for _, relation := range relations {
		if field := strings.ToLower(relation); asked(ctx, "nodes", field) || asked(ctx, "edges", "node", field) {
			wanted = append(wanted, relation)
		}
	}
	return wanted
}

func user(ctx context.Context, id *model.UserID) (*model.User, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Users, id)
}
