package auth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const schema = `
directive @requires(role: [Role!]!) on FIELD_DEFINITION
enum Role { ADMIN MANAGER AGENT STAKEHOLDER PARTNER INTAKE }
interface Node { id: ID! }
type Query { viewer: String  cases: [Case!]! @requires(role: [PARTNER, AGENT, MANAGER])  tokens: [String!]! @requires(role: [ADMIN])  node: Node }
type Mutation { submit: Case @requires(role: [INTAKE, MANAGER]) }
type Case implements Node { id: ID!  number: Int  rules: [String!] @requires(role: [AGENT, MANAGER])  parent: Case }`

func TestRequires(t *testing.T) {
	t.Parallel()
	t.Run("lets the directive's roles through", func(t *testing.T) {
		t.Parallel()
		for _, own := range allRoles {
			called := false
			next := func(context.Context) (any, error) {
				called = true
				return "done", nil
			}
			ctx := graphql.WithFieldContext(auth.With(t.Context(), viewer(own)), &graphql.FieldContext{
				Field: graphql.CollectedField{Field: &ast.Field{Name: "openCase"}},
			})
			got, err := auth.Requires(ctx, nil, next, []model.Role{model.Agent, model.Manager})
			if own == model.Agent || own == model.Manager || own == model.Admin {
				if err != nil || got != "done" {
					t.Errorf("%s: got %v, %v, want the field's value", own, got, err)
				}
				continue
			}
			if called || got != nil || code(err) != fault.CodeForbidden || !strings.Contains(err.Error(), string(own)) || !strings.Contains(err.Error(), "openCase") {
				t.Errorf("%s: resolver called: %t, got %v, %v, want FORBIDDEN with the role and the field", own, called, got, err)
			}
		}
	})

	t.Run("refuses a caller without a viewer", func(t *testing.T) {
		t.Parallel()
		next := func(context.Context) (any, error) { return nil, errors.New("the resolver was called") }
		if _, err := auth.Requires(t.Context(), nil, next, allRoles); code(err) != fault.CodeUnauthenticated {
			t.Errorf("got %v, want UNAUTHENTICATED", err)
		}
	})
}

func TestGuard(t *testing.T) {
	t.Parallel()
	t.Run("refuses an operation before any part of it runs", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			query string
			roles string // roles that may run the query, besides ADMIN
			field string
			line  int
		}{
			"a field for all":                  {`{ viewer }`, "MANAGER AGENT STAKEHOLDER PARTNER INTAKE", "", 0},
			"introspection":                    {`{ __typename __schema { queryType { name } } }`, "MANAGER AGENT STAKEHOLDER PARTNER INTAKE", "", 0},
			"a field for some":                 {`{ cases { id } }`, "PARTNER AGENT MANAGER", "cases", 1},
			"a field for admins":               {`{ tokens }`, "", "tokens", 1},
			"a field of the answer":            {"{ cases {\n number\n rules } }", "AGENT MANAGER", "", 0},
			"a deeply nested field":            {"{ cases { parent { parent {\n rules } } } }", "AGENT MANAGER", "", 0},
			"a mutation's answer":              {"mutation { submit { rules } }", "MANAGER", "", 0},
			"an alias":                         {`{ viewer: tokens }`, "", "tokens", 1},
			"a skipped field":                  {`{ viewer tokens @skip(if: true) }`, "MANAGER AGENT STAKEHOLDER PARTNER INTAKE", "", 0},
			"a field that is not included":     {"{ viewer\n tokens @include(if: false) @skip(if: false) }", "MANAGER AGENT STAKEHOLDER PARTNER INTAKE", "", 0},
			"a field with true @include":       {"{ viewer\n tokens @include(if: true) @skip(if: false) }", "", "tokens", 2},
			"a fragment that is left out":      {"{ viewer ...f @include(if: false) ... @skip(if: true) { tokens } }\nfragment f on Query { tokens }", "MANAGER AGENT STAKEHOLDER PARTNER INTAKE", "", 0},
			"a fragment that is left out once": {"{ viewer ...f @include(if: false) ...f }\nfragment f on Query { tokens }", "", "tokens", 2},
			"a variable that leaves out":       {"query ($no: Boolean = false) { viewer tokens @include(if: $no) }", "MANAGER AGENT STAKEHOLDER PARTNER INTAKE", "", 0},
			"a variable without a value":       {"query ($no: Boolean!) { viewer tokens @include(if: $no) }", "", "tokens", 1},
			"an inline fragment":               {"{ node {\n ... on Case { rules } } }", "AGENT MANAGER", "rules", 2},
			"a fragment":                       {"{ node { ...f } }\nfragment f on Case { rules }", "AGENT MANAGER", "rules", 2},
			"a fragment in a fragment":         {"{ node { ...f } }\nfragment f on Case { ...g }\nfragment g on Case { rules }", "AGENT MANAGER", "rules", 3},
			"after a repeated fragment":        {"{ node { ...f ...f id ... on Case { rules } } }\nfragment f on Case { number }", "AGENT MANAGER", "rules", 1},
			"the second of two fields":         {"{ viewer\n tokens }", "", "tokens", 2},
			"a fragment in many places":        {deep(30), "PARTNER AGENT MANAGER", "cases", 1},
		} {
			for _, own := range allRoles {
				err := guarded(t, c.query, auth.With(t.Context(), viewer(own)))
				may := own == model.Admin || slices.Contains(strings.Fields(c.roles), string(own))
				var f *fault.Error
				switch {
				case may && err != nil:
					t.Errorf("%s: %s is refused: %v", name, own, err)
				case !may && (!errors.As(err, &f) || f.Code != fault.CodeForbidden):
					t.Errorf("%s: for %s got %v, want FORBIDDEN", name, own, err)
				case !may && c.field != "" && !strings.Contains(f.Message, "field "+c.field):
					t.Errorf("%s: for %s the message is %q, want it to name the field %s", name, own, f.Message, c.field)
				}
			}
			if c.line > 0 {
				var e *gqlerror.Error
				err := guarded(t, c.query, auth.With(t.Context(), viewer(model.Intake)))
				if !errors.As(err, &e) || len(e.Locations) != 1 || e.Locations[0].Line != c.line {
					t.Errorf("%s: got %+v, want the location in line %d", name, e, c.line)
				}
			}
		}
	})

	t.Run("gives the path of the field in the answer", func(t *testing.T) {
		t.Parallel()
		for query, want := range map[string]string{
			`{ a: tokens }`: "a",
			"{ list: cases { up: parent { ... on Case { ...f } } } }\nfragment f on Case { rules }": "list.up.rules",
		} {
			var e *gqlerror.Error
			if err := guarded(t, query, auth.With(t.Context(), viewer(model.Partner))); !errors.As(err, &e) || e.Path.String() != want {
				t.Errorf("%s: got %+v, want the path %s", query, e, want)
			}
		}
	})

	t.Run("refuses a caller without a viewer", func(t *testing.T) {
		t.Parallel()
		if err := guarded(t, `{ viewer }`, t.Context()); code(err) != fault.CodeUnauthenticated {
			t.Errorf("got %v, want UNAUTHENTICATED", err)
		}
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	types := gqlparser.MustLoadSchema(&ast.Source{Input: schema}).Types
	for field, want := range map[string][]model.Role{
		"viewer": {model.Manager, model.Agent, model.Stakeholder, model.Partner, model.Intake},
		"cases":  {model.Partner, model.Agent, model.Manager},
		"tokens": {model.Admin},
	} {
		if got := auth.Roles(types["Query"].Fields.ForName(field)); !slices.Equal(got, want) {
			t.Errorf("Roles of %s are %v, want %v", field, got, want)
		}
	}
}

// guarded returns the guard's error for the query. It calls the guard as the gqlgen server does.
func guarded(t *testing.T, query string, ctx context.Context) error {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(gqlparser.MustLoadSchema(&ast.Source{Input: schema}), query, rules.NewDefaultRules())
	if errs != nil {
		t.Fatalf("%s: %v", query, errs)
	}
	if err := (auth.Guard{}).MutateOperationContext(ctx, &graphql.OperationContext{Operation: doc.Operations[0]}); err != nil {
		return err
	}
	return nil
}

// deep returns a query whose expanded fragments would have 2^depth fields.
func deep(depth int) string {
	var b strings.Builder
	b.WriteString("{ cases { ...f0 } }\n")
	for i := range depth {
		fmt.Fprintf(&b, "fragment f%d on Case { parent { ...f%d } again: parent { ...f%d } }\n", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "fragment f%d on Case { number }\n", depth)
	return b.String()
}
