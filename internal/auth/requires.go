package auth

import (
	"context"
	"slices"
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
	forOtherRoles := func(f *ast.Field) bool { return !v.Has(Roles(f.Definition)...) }
	if f, path := findField(oc, forOtherRoles); f != nil {
		return at(f, path, forbidden(f.Name, v))
	}
	scope := v.Scope()
	if scope.Restricted() || scope.Masked() {
		if f, path := findField(oc, unscoped); f != nil {
			return at(f, path, fault.New(fault.CodeForbidden, "the field %s is for callers without a scope who may see personal data, and your user or your token has less", f.Name))
		}
	}
	if scope.Masked() {
		oc.ResolverMiddleware = mask(oc.ResolverMiddleware)
	}
	return nil
}

func at(f *ast.Field, path ast.Path, err error) *gqlerror.Error {
	e := gqlerror.WrapPath(path, err)
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

// findField returns the first field of the operation, at any depth, for which match is true, with its path in the answer;
// nil if there is none. It passes over what @skip and @include leave out.
func findField(oc *graphql.OperationContext, match func(*ast.Field) bool) (*ast.Field, ast.Path) {
	f := finder{match: match, variables: oc.Variables, seen: map[string]bool{}}
	return f.find(oc.Operation.SelectionSet, nil)
}

type finder struct {
	match     func(*ast.Field) bool
	variables map[string]any
	seen      map[string]bool // fragments that were searched: nested spreads would multiply the work without bound
}

func (f *finder) find(set ast.SelectionSet, path ast.Path) (*ast.Field, ast.Path) {
	for _, s := range set {
		var found *ast.Field
		var at ast.Path
		switch s := s.(type) {
		case *ast.Field:
			if !f.included(s.Directives) {
				continue
			}
			below := append(slices.Clip(path), ast.PathName(s.Alias))
			if s.Definition != nil && f.match(s) {
				return s, below
			}
			found, at = f.find(s.SelectionSet, below)
		case *ast.InlineFragment:
			if f.included(s.Directives) {
				found, at = f.find(s.SelectionSet, path)
			}
		case *ast.FragmentSpread:
			if s.Definition == nil || f.seen[s.Name] || !f.included(s.Directives) {
				continue
			}
			f.seen[s.Name] = true
			found, at = f.find(s.Definition.SelectionSet, path)
		}
		if found != nil {
			return found, at
		}
	}
	return nil, nil
}

// included reports whether @skip and @include leave a selection in the operation (GraphQL specification, section 3.13).
func (f *finder) included(directives ast.DirectiveList) bool {
	return !f.condition(directives.ForName("skip"), false) && f.condition(directives.ForName("include"), true)
}

// condition returns the argument "if" of a directive, or otherwise without the directive.
func (f *finder) condition(d *ast.Directive, otherwise bool) bool {
	if d == nil {
		return otherwise
	}
	if arg := d.Arguments.ForName("if"); arg != nil {
		if v, err := arg.Value.Value(f.variables); err == nil {
			if value, ok := v.(bool); ok {
				return value
			}
		}
	}
	return otherwise
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
