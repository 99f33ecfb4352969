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

// Requires implements the @requires directive. It runs on each field that has the directive.
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

// Guard refuses an operation before any part of it runs if the caller's role may not use one of its fields. The directive
// alone would let a mutation run before it refuses a field of the mutation's payload.
//
// A caller with a scope, or without access to personal data, may use only root fields marked @scoped. A new root field
// is therefore closed to such callers until its author has added the mark.
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
	forOtherRoles := func(f *ast.Field) bool { return !v.Has(Roles(f.Definition)...) }
	if f := findField(set, forOtherRoles, map[string]bool{}); f != nil {
		return withLocation(f, forbidden(f.Name, v))
	}
	scope := v.Scope()
	if scope.Restricted() || scope.Masked() {
		if f := findField(set, unscoped, map[string]bool{}); f != nil {
			return withLocation(f, fault.New(fault.CodeForbidden, "the field %s is for users without a scope, and your user has one", f.Name))
		}
	}
	if scope.Masked() {
		oc.ResolverMiddleware = mask(oc.ResolverMiddleware)
	}
	return nil
}

func withLocation(f *ast.Field, err error) *gqlerror.Error {
	e := gqlerror.Wrap(err)
	if f.Position != nil {
		e.Locations = []gqlerror.Location{{Line: f.Position.Line, Column: f.Position.Column}}
	}
	return e
}

// unscoped reports whether f is a root field without the mark @scoped. GraphQL's own root fields (__schema, __typename)
// do not count, because they return no data.
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

// findField returns the first field at any depth for which match is true, or nil. seen holds the names of the fragments
// that it has searched already: without it, nested fragment spreads would multiply the work without bound.
func findField(set ast.SelectionSet, match func(*ast.Field) bool, seen map[string]bool) *ast.Field {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if s.Definition != nil && match(s) {
				return s
			}
			if f := findField(s.SelectionSet, match, seen); f != nil {
				return f
			}
		case *ast.InlineFragment:
			if f := findField(s.SelectionSet, match, seen); f != nil {
				return f
			}
		case *ast.FragmentSpread:
			if s.Definition == nil || seen[s.Name] {
				continue
			}
			seen[s.Name] = true
			if f := findField(s.Definition.SelectionSet, match, seen); f != nil {
				return f
			}
		}
	}
	return nil
}

// allRoles is the result of Roles for a field without @requires. ADMIN needs no entry: an admin has every role.
var allRoles = []model.Role{model.Manager, model.Agent, model.Stakeholder, model.Partner, model.Intake}

// Roles returns the roles that may use the field according to its @requires, or all roles without @requires.
func Roles(field *ast.FieldDefinition) []model.Role {
	requires := field.Directives.ForName("requires")
	if requires == nil {
		return allRoles
	}
	var roles []model.Role
	if arg := requires.Arguments.ForName("role"); arg != nil && arg.Value != nil {
		for _, child := range arg.Value.Children {
			roles = append(roles, model.Role(child.Value.Raw))
		}
	}
	return roles
}
