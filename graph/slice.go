package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/read"
)

// atOnce has the resolvers that never wait for anything: they compute.
var atOnce = map[string]bool{
	"Case.timeSinceOpen": true, "Case.overdue": true, "Case.rootCause": true, "Theme.keywords": true,
}

// loaded is an object that may have been read together with objects that are related to it.
type loaded interface {
	// Loaded reports whether the object has the related object of this field.
	Loaded(field string) bool
}

// wrapper is an object that has another one in a field, such as an edge of a list.
type wrapper interface {
	// Wrapped returns the object of this field; nil: it has none.
	Wrapped(field string) any
}

// ready reports whether a field's resolver returns without waiting.
func ready(object, field string, obj any) bool {
	if atOnce[object+"."+field] {
		return true
	}
	l, ok := obj.(loaded)
	return ok && l.Loaded(field)
}

// marshalSlice encodes the elements of a list: one after the other if none of them has to wait for anything, such as for the
// loader that collects IDs from all of them; otherwise at the same time.
func marshalSlice[T any](ctx context.Context, sel ast.SelectionSet, v []T, element func(ctx context.Context, i int) graphql.Marshaler) graphql.Array {
	if len(v) > 1 && waitsFor(sel, v) {
		defer read.Pause(ctx)()
		return graphql.MarshalSliceConcurrently(ctx, len(v), 0, false, func(ctx context.Context, i int) graphql.Marshaler {
			defer read.Begin(ctx)()
			return element(ctx, i)
		})
	}
	all := make(graphql.Array, len(v))
	for i := range v {
		if !marshalElement(ctx, all, i, element) {
			return nil
		}
	}
	return all
}

func marshalElement(ctx context.Context, all graphql.Array, i int, element func(ctx context.Context, i int) graphql.Marshaler) (ok bool) {
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i})
	defer func() {
		if panicked := recover(); panicked != nil {
			graphql.AddError(ctx, graphql.Recover(ctx, panicked))
			ok = false
		}
	}()
	all[i] = element(ctx, i)
	return true
}

// waitsFor reports whether a selection has a field whose resolver waits, of any of the objects.
func waitsFor[T any](sel ast.SelectionSet, objects []T) bool {
	for _, s := range sel {
		var wait bool
		switch s := s.(type) {
		case *ast.Field:
			wait = fieldWaits(s, objects)
		case *ast.InlineFragment:
			wait = waitsFor(s.SelectionSet, objects)
		case *ast.FragmentSpread:
			wait = s.Definition == nil || waitsFor(s.Definition.SelectionSet, objects)
		}
		if wait {
			return true
		}
	}
	return false
}

func fieldWaits[T any](f *ast.Field, objects []T) bool {
	if f.ObjectDefinition == nil {
		return true
	}
	if name := f.ObjectDefinition.Name + "." + f.Name; waits[name] && !atOnce[name] {
		for _, o := range objects {
			if l, ok := any(o).(loaded); !ok || !l.Loaded(f.Name) {
				return true
			}
		}
		if len(objects) == 0 {
			return true
		}
	}
	if len(f.SelectionSet) == 0 {
		return false
	}
	if f.ObjectDefinition.IsAbstractType() {
		return true
	}
	var inside []any
	for _, o := range objects {
		if w, ok := any(o).(wrapper); ok {
			if of := w.Wrapped(f.Name); of != nil {
				inside = append(inside, of)
			}
		}
	}
	return waitsFor(f.SelectionSet, inside)
}
