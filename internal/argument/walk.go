package argument

import "github.com/vektah/gqlparser/v2/ast"

// walk visits the fields of an operation, at any depth, until visit returns false. It visits each fragment once: nested
// spreads would multiply the work without bound.
func walk(doc *ast.QueryDocument, op *ast.OperationDefinition, visit func(*ast.Field) bool) {
	walkIncluded(doc, op, func(ast.DirectiveList) bool { return true }, visit)
}

// walkIncluded is walk without the selections whose directives leave them out.
func walkIncluded(doc *ast.QueryDocument, op *ast.OperationDefinition, included func(ast.DirectiveList) bool, visit func(*ast.Field) bool) {
	seen := map[string]bool{}
	var in func(ast.SelectionSet) bool
	in = func(set ast.SelectionSet) bool {
		for _, s := range set {
			more := true
			switch s := s.(type) {
			case *ast.Field:
				more = !included(s.Directives) || visit(s) && in(s.SelectionSet)
			case *ast.InlineFragment:
				more = !included(s.Directives) || in(s.SelectionSet)
			case *ast.FragmentSpread:
				fragment := doc.Fragments.ForName(s.Name)
				if fragment == nil || seen[s.Name] || !included(s.Directives) {
					continue
				}
				seen[s.Name] = true
				more = in(fragment.SelectionSet)
			}
			if !more {
				return false
			}
		}
		return true
	}
	in(op.SelectionSet)
}

// included reports whether @skip and @include leave a selection in the operation (GraphQL specification, section 3.13).
func included(directives ast.DirectiveList, variables map[string]any) bool {
	return !condition(directives.ForName("skip"), variables, false) && condition(directives.ForName("include"), variables, true)
}

func condition(d *ast.Directive, variables map[string]any, otherwise bool) bool {
	if d == nil {
		return otherwise
	}
	if arg := d.Arguments.ForName("if"); arg != nil {
		if v, err := arg.Value.Value(variables); err == nil {
			if value, ok := v.(bool); ok {
				return value
			}
		}
	}
	return otherwise
}
