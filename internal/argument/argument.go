// Package argument owns the input of an operation: before anything of the operation runs, it brings the variables and
// the arguments of all fields to the types of the schema (GraphQL specification, sections 3 and 6.1.2), and refuses the
// operation with all faults that it finds, each with its path.
//
// It knows types only, and which kind of object an ID in the input of a mutation names. What a value means, such as the range
// of a score or the length of a name, the package that owns the value checks when the field runs. So does it with the object
// that an ID names.
package argument

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/page"
)

// Coercion is an extension of the executor. It must come after the extensions that change or limit the document, and
// before those that read the arguments.
type Coercion struct {
	Documents  graphql.Cache[*ast.QueryDocument] // the executor's
	TokenLimit int                               // of a document, as the executor has it

	schema *ast.Schema
}

var (
	_ graphql.HandlerExtension          = (*Coercion)(nil)
	_ graphql.OperationParameterMutator = (*Coercion)(nil)
	_ graphql.OperationContextMutator   = (*Coercion)(nil)
)

// ExtensionName implements graphql.HandlerExtension.
func (*Coercion) ExtensionName() string { return "Coercion" }

// Validate implements graphql.HandlerExtension.
func (c *Coercion) Validate(es graphql.ExecutableSchema) error {
	c.schema = es.Schema()
	return nil
}

// MutateOperationParameters coerces the variables. It comes before the executor does so, because the executor stops at the
// first fault, repeats values in its messages, takes "5" for a number and does not take 3.0 for one.
func (c *Coercion) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	doc, ok := c.Documents.Get(ctx, params.Query)
	if !ok {
		if !strings.Contains(params.Query, "$") {
			return nil
		}
		var err error
		if doc, err = parser.ParseQueryWithTokenLimit(&ast.Source{Input: params.Query}, c.TokenLimit); err != nil {
			return nil // the executor says so
		}
		if len(validator.ValidateWithRules(c.schema, doc, rules.NewDefaultRules())) > 0 {
			return nil // first things first: the executor says what is wrong with the document
		}
		c.Documents.Add(ctx, params.Query, doc) // for the executor
	}
	op := doc.Operations.ForName(params.OperationName)
	if op == nil {
		return nil
	}
	co := coercer{schema: c.schema, prefix: "$"}
	variables := make(map[string]any, len(params.Variables))
	for _, d := range op.VariableDefinitions {
		co.variable = d.Variable
		co.in(d.Variable, func() {
			switch given, ok := params.Variables[d.Variable]; {
			case ok:
				variables[d.Variable] = co.value(d.Type, given)
			case d.DefaultValue != nil:
				if v, err := d.DefaultValue.Value(nil); err == nil {
					co.value(d.Type, v)
				} else {
					co.fault("%s expected; the default does not fit", d.Type.Name())
				}
			case d.Type.NonNull:
				co.fault("%s is missing", d.Type)
			}
		})
	}
	if len(co.faults) > 0 {
		for _, f := range co.faults {
			f.Argument = useOf(doc, op, f.Argument)
		}
		return gqlerror.Wrap(co.faults)
	}
	params.Variables = variables
	if len(co.rejected) > 0 {
		graphql.GetOperationContext(ctx).Stats.SetExtension(rejectedRows, co.rejected)
	}
	return nil
}

// useOf is the path of an argument, for a path that begins with the name of a variable: the first place at which the
// operation uses the variable takes the place of the name.
func useOf(doc *ast.QueryDocument, op *ast.OperationDefinition, path string) string {
	name, rest := path, ""
	if end := strings.IndexAny(path, ".["); end >= 0 {
		name, rest = path[:end], path[end:]
	}
	place := ""
	walk(doc, op, func(f *ast.Field) bool {
		for _, a := range f.Arguments {
			if place = useIn(a.Value, a.Name, name); place != "" {
				return false
			}
		}
		return true
	})
	if place == "" { // a condition of @skip or @include
		place = name
	}
	return place + rest
}

func useIn(v *ast.Value, at, variable string) string {
	if v.Kind == ast.Variable && v.Raw == variable {
		return at
	}
	for i, child := range v.Children {
		if found := useIn(child.Value, join(at, child.Name, i), variable); found != "" {
			return found
		}
	}
	return ""
}

// MutateOperationContext coerces what is written in the document, with the variables in it.
func (c *Coercion) MutateOperationContext(_ context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	co := coercer{schema: c.schema}
	included := func(list ast.DirectiveList) bool { return included(list, oc.Variables) }
	walkIncluded(oc.Doc, oc.Operation, included, func(f *ast.Field) bool {
		if f.Definition == nil {
			return true
		}
		for _, a := range f.Arguments {
			if def := f.Definition.Arguments.ForName(a.Name); def != nil {
				co.in(a.Name, func() { co.literal(def.Type, a.Value, oc.Variables) })
			}
		}
		if len(co.faults) == 0 && oc.Operation.Operation == ast.Mutation && f.Definition.Arguments.ForName("after") != nil {
			co.page(f.ArgumentMap(oc.Variables))
		}
		return len(co.faults) < faultsMax
	})
	if len(co.faults) > 0 {
		return gqlerror.Wrap(co.faults)
	}
	return nil
}

// page checks the size of a list below a mutation: when the list's own field finds out, the mutation has taken effect.
func (c *coercer) page(arguments map[string]any) {
	size := func(name string) *int {
		if n, err := graphql.UnmarshalInt(arguments[name]); err == nil && arguments[name] != nil {
			return &n
		}
		return nil
	}
	_, _, err := page.Args{First: size("first"), Last: size("last")}.Size()
	c.faults = append(c.faults, fault.All(err)...) // their messages name the argument
}

// literal checks the value of an argument. A variable alone has been coerced already, to a type that fits here, but it
// may be null where the argument may not.
func (c *coercer) literal(t *ast.Type, v *ast.Value, variables map[string]any) {
	if v.Kind == ast.Variable {
		if given, ok := variables[v.Raw]; ok && given == nil && t.NonNull {
			c.fault("%s expected, not null", t.Name())
		}
		return
	}
	given, err := v.Value(variables)
	if err != nil { // the only values that the parser takes and this does not
		c.fault("%s expected; a number in it has too many digits", t.Name())
		return
	}
	c.value(t, given)
}
