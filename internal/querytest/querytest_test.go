package querytest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

func schema(t *testing.T) *ast.Schema {
	t.Helper()
	s, err := Load("../../graph")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMake(t *testing.T) {
	t.Parallel()
	t.Run("makes valid operations that reach every root field and every type of input", func(t *testing.T) {
		t.Parallel()
		s := schema(t)
		m := &Maker{Schema: s, Role: "ADMIN", Random: rand.New(rand.NewPCG(1, 1))}
		roots, inputs := map[string]bool{}, map[string]bool{}
		for _, kind := range []ast.Operation{ast.Query, ast.Mutation, ast.Subscription} {
			for range 1200 { // some inputs are reached by one optional field alone
				made := m.Make(kind)
				document, errs := gqlparser.LoadQueryWithRules(s, made.Query, nil)
				if errs != nil {
					t.Fatalf("%v\n%s", errs, made.Query)
				}
				operation := document.Operations[0]
				if len(made.Variables) != len(operation.VariableDefinitions) {
					t.Fatalf("%d variables for %s", len(made.Variables), made.Query)
				}
				for _, selected := range operation.SelectionSet {
					roots[string(kind)+" "+selected.(*ast.Field).Name] = true
				}
				var events validator.Events
				events.OnValue(func(_ *validator.Walker, v *ast.Value) { inputs[v.Definition.Name] = true })
				validator.Walk(s, document, &events)
			}
		}
		for kind, root := range map[ast.Operation]*ast.Definition{ast.Query: s.Query, ast.Mutation: s.Mutation, ast.Subscription: s.Subscription} {
			for _, f := range m.allowed(root) {
				if !roots[string(kind)+" "+f.Name] {
					t.Errorf("no %s has %s", kind, f.Name)
				}
			}
		}
		for name, d := range s.Types {
			if d.Kind == ast.InputObject && !inputs[name] {
				t.Errorf("no operation has a value of %s; there are %v", name, slices.Sorted(maps.Keys(inputs)))
			}
		}
	})

	t.Run("leaves out what the role may not use", func(t *testing.T) {
		t.Parallel()
		s := schema(t)
		m := &Maker{Schema: s, Role: "PARTNER", Random: rand.New(rand.NewPCG(2, 2))}
		for range 200 {
			made := m.Make(ast.Query)
			document, errs := gqlparser.LoadQueryWithRules(s, made.Query, nil)
			if errs != nil {
				t.Fatalf("%v\n%s", errs, made.Query)
			}
			var events validator.Events
			events.OnField(func(_ *validator.Walker, f *ast.Field) {
				if !m.mayUse(f.Definition) {
					t.Errorf("%s is in %s", f.Name, made.Query)
				}
			})
			validator.Walk(s, document, &events)
		}
	})

	t.Run("depends on its source alone, one byte for a choice", func(t *testing.T) {
		t.Parallel()
		s := schema(t)
		made := func(choices ...byte) Operation {
			return (&Maker{Schema: s, Role: "ADMIN", Random: rand.New(Source(choices))}).Make(ast.Query)
		}
		if first, again := made(1, 200, 3), made(1, 200, 3); first.Query != again.Query {
			t.Error("the same choices make different operations")
		}
		different := map[string]bool{}
		for b := range 256 {
			different[made(byte(b)).Query] = true
		}
		if len(different) < 200 {
			t.Errorf("256 choices make only %d operations", len(different))
		}
	})

	t.Run("takes values from the pool, the field's before the scalar's", func(t *testing.T) {
		t.Parallel()
		m := &Maker{Schema: schema(t), Random: rand.New(rand.NewPCG(3, 3)), Pool: Pool{"CustomerFilter.company": {"Acme"}, "String": {"x"}}}
		for range 200 {
			filter := m.object("CustomerFilter.company", m.Schema.Types["StringFilter"], 1)
			other := m.object("CustomerFilter.segment", m.Schema.Types["StringFilter"], 1)
			for _, operator := range []string{"eq", "contains", "startsWith"} {
				if v, is := filter[operator]; is && v != "Acme" {
					t.Fatalf("company has %v", filter)
				}
				if v, is := other[operator]; is && v != "x" {
					t.Fatalf("segment has %v", other)
				}
			}
		}
	})
}

func TestAddIDs(t *testing.T) {
	t.Parallel()
	p := Pool{}
	p.AddIDs(schema(t), map[string][]any{"case": {"c"}, "user": {"u"}, "assignee": {"u"}, "caseNote": {"n"}})
	for place, want := range map[string]any{"CaseFilter.id": "c", "CaseFilter.assignee": "u", "UpdateCaseStatusInput.caseId": "c", "CreateApiTokenInput.userId": "u", "ID": "4", "Query.node.id": nil} {
		if got := p[place]; place == "ID" && len(got) != 4 || place != "ID" && want == nil && got != nil || place != "ID" && want != nil && (len(got) != 1 || got[0] != want) {
			t.Errorf("%s has the values %v, not %v", place, got, want)
		}
	}
}
