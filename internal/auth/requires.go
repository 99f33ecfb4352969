package auth

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// Requires is the @requires directive: what runs on each field that bears it.
func Requires(ctx context.Context, _ any, next graphql.Resolver, roles []model.Role) (any, error) {
	v, err := From(ctx)
	if err != nil {
		return nil, err
	}
	if !v.Has(roles...) {
		return nil, forbidden(graphql.GetFieldContext(ctx).Field.Name, v)
	}
	return next(ctx)
}

func forbidden(field string, v Viewer) *fault.Error {
	return fault.New(fault.CodeForbidden, "your role %s may not use the field %s", v.User.Role, field)
}

// Guard refuses an operation before anything of it is run, where any of its fields is not for the caller's role. By
// the directive alone, a mutation would be carried out before a field of its answer is refused.
//
// A caller who is bounded by a scope, or sees no personal data, may use only those root fields that are marked @scoped.
// So a new one is closed to them until somebody has thought of them.
type Guard struct{}

var (
	_ graphql.HandlerExtension        = Guard{}
	_ graphql.OperationContextMutator = Guard{}
)

// ExtensionName implements graphql.HandlerExtension.
func (Guard) ExtensionName() string { return "Guard" }

// Validate implements graphql.HandlerExtension.
func (Guard) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (Guard) MutateOperationContext(ctx context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	v, err := From(ctx)
	if err != nil {
		return gqlerror.Wrap(err)
	}
	set := oc.Operation.SelectionSet
	role := func(f *ast.Field) bool { return !v.Has(Roles(f.Definition)...) }
	if f := find(set, role, map[string]bool{}); f != nil {
		return at(f, forbidden(f.Name, v))
	}
	scope := v.Scope()
	if scope.Restricted() || scope.Masked() {
		if f := find(set, unscoped, map[string]bool{}); f != nil {
			return at(f, fault.New(fault.CodeForbidden, "the field %s is for those who see everything; your scope bounds what you see", f.Name))
		}
	}
	if scope.Masked() {
		oc.ResolverMiddleware = mask(oc.ResolverMiddleware)
	}
	return nil
}

func at(f *ast.Field, err error) *gqlerror.Error {
	e := gqlerror.Wrap(err)
	if f.Position != nil {
		e.Locations = []gqlerror.Location{{Line: f.Position.Line, Column: f.Position.Column}}
	}
	return e
}

// unscoped tells whether the field is a root field that has no mark @scoped. GraphQL's own are about the schema.
func unscoped(f *ast.Field) bool {
	if f.ObjectDefinition == nil || strings.HasPrefix(f.Name, "__") || f.Definition.Directives.ForName("scoped") != nil {
		return false
	}
	switch f.ObjectDefinition.Name {
	case "Query", "Mutation", "Subscription":
		return true
	}
	return false
}

// find gives the first field, however deep, that is like this.
func find(set ast.SelectionSet, is func(*ast.Field) bool, spread map[string]bool) *ast.Field {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if s.Definition != nil && is(s) {
				return s
			}
			if f := find(s.SelectionSet, is, spread); f != nil {
				return f
			}
		case *ast.InlineFragment:
			if f := find(s.SelectionSet, is, spread); f != nil {
				return f
			}
		case *ast.FragmentSpread:
			if s.Definition == nil || spread[s.Name] { // each fragment once: nested spreads would grow without bound
				continue
			}
			spread[s.Name] = true
			if f := find(s.Definition.SelectionSet, is, spread); f != nil {
				return f
			}
		}
	}
	return nil
}

// everyone is what Roles answers with for a field without @requires.
var everyone = []model.Role{model.Manager, model.Agent, model.Stakeholder, model.Partner, model.Intake}

// Roles are those that may use the field, by its @requires; all of them where it has none.
func Roles(field *ast.FieldDefinition) []model.Role {
	requires := field.Directives.ForName("requires")
	if requires == nil {
		return everyone
	}
	var roles []model.Role
	if arg := requires.Arguments.ForName("role"); arg != nil && arg.Value != nil {
		for _, child := range arg.Value.Children {
			roles = append(roles, model.Role(child.Value.Raw))
		}
	}
	return roles
}
