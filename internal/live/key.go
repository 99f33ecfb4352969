package live

import (
	"encoding/json"
	"maps"

	"github.com/vektah/gqlparser/v2/ast"
)

// key identifies a group: equal subscriptions have equal keys.
type key struct {
	document  string
	operation string
	variables string // coerced, as JSON
	view      string
	shared    string
}

// key returns the key of the run's group; false means that the run cannot join one, because its variables cannot be
// encoded.
func (r *run) key() (key, bool) {
	variables := r.oc.Variables
	if name := startVariable(r.oc.Doc, r.oc.Operation, r.start); name != "" {
		variables = maps.Clone(variables)
		delete(variables, name)
	}
	text, err := json.Marshal(variables)
	return key{r.params.Query, r.oc.OperationName, string(text), r.session.View, r.shared}, err == nil
}

// startVariable returns the variable that the root field's argument is set to, if nothing else in the document uses it.
func startVariable(doc *ast.QueryDocument, op *ast.OperationDefinition, argument string) string {
	if argument == "" || len(op.SelectionSet) != 1 {
		return ""
	}
	field, ok := op.SelectionSet[0].(*ast.Field)
	if !ok {
		return ""
	}
	given := field.Arguments.ForName(argument)
	if given == nil || given.Value == nil || given.Value.Kind != ast.Variable {
		return ""
	}
	uses := used(op.SelectionSet, given.Value.Raw)
	for _, f := range doc.Fragments {
		uses += used(f.SelectionSet, given.Value.Raw)
	}
	if uses != 1 {
		return ""
	}
	return given.Value.Raw
}

// used counts the uses of a variable. The fields of a fragment are counted at its definition, not at its spreads.
func used(set ast.SelectionSet, name string) (n int) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			n += inArguments(s.Arguments, name) + inDirectives(s.Directives, name) + used(s.SelectionSet, name)
		case *ast.InlineFragment:
			n += inDirectives(s.Directives, name) + used(s.SelectionSet, name)
		case *ast.FragmentSpread:
			n += inDirectives(s.Directives, name)
		}
	}
	return n
}

func inDirectives(list ast.DirectiveList, name string) (n int) {
	for _, d := range list {
		n += inArguments(d.Arguments, name)
	}
	return n
}

func inArguments(list ast.ArgumentList, name string) (n int) {
	for _, a := range list {
		n += inValue(a.Value, name)
	}
	return n
}

func inValue(v *ast.Value, name string) (n int) {
	if v == nil {
		return 0
	}
	if v.Kind == ast.Variable && v.Raw == name {
		n++
	}
	for _, child := range v.Children {
		n += inValue(child.Value, name)
	}
	return n
}
