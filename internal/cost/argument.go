package cost

import (
	"reflect"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// length returns how many rows a list's arguments ask for.
func (p *pricer) length(f *ast.Field, otherwise, most float64) float64 {
	for _, name := range []string{"first", "last", "limit"} {
		switch n := p.argument(f, name).(type) {
		case int64:
			return min(max(float64(n), 1), most)
		case int:
			return min(max(float64(n), 1), most)
		case interface{ Int64() (int64, error) }: // json.Number
			if i, err := n.Int64(); err == nil {
				return min(max(float64(i), 1), most)
			}
			return most
		case float64:
			return min(max(n, 1), most)
		}
	}
	return otherwise
}

// argument returns the value of an argument; nil without one.
func (p *pricer) argument(f *ast.Field, name string) any {
	arg := f.Arguments.ForName(name)
	if arg == nil || arg.Value == nil {
		return nil
	}
	return p.argumentValue(arg)
}

func (p *pricer) argumentValue(arg *ast.Argument) any {
	v, err := arg.Value.Value(p.variables)
	if err != nil {
		return nil
	}
	return v
}

// list returns the items of a list as the caller wrote it: one value is a list of one.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	if s := reflect.ValueOf(v); s.Kind() == reflect.Slice { // gqlparser makes one of a variable with a single value
		items := make([]any, s.Len())
		for i := range items {
			items[i] = s.Index(i).Interface()
		}
		return items
	}
	return []any{v}
}

func isList(f *ast.Field) bool { return f.Definition.Type.Elem != nil }

// ownTable has the types without a global ID whose objects are rows.
var ownTable = map[string]bool{"ExternalRef": true, "Recipient": true}

// stored reports whether the objects of a selection are rows that are read by their ids.
func stored(set ast.SelectionSet) bool {
	for _, s := range set {
		var of *ast.Definition
		switch s := s.(type) {
		case *ast.Field:
			of = s.ObjectDefinition
		case *ast.InlineFragment:
			of = s.ObjectDefinition
		case *ast.FragmentSpread:
			of = s.ObjectDefinition
		}
		if of != nil {
			return of.Name == "Node" || ownTable[of.Name] || slices.Contains(of.Interfaces, "Node")
		}
	}
	return false
}
