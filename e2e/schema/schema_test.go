package schema

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/e2e/setup"
)

// contract is the schema that clients are promised.
const contract = "testdata/contract.graphql"

// differences are the places where our schema deliberately differs from the contract, and why.
var differences = map[string]string{}

// public are the root fields that require no role.
var public = []string{}

// ours are the definitions of our schema files.
func ours(s *ast.Schema) (list []*ast.Definition) {
	for _, d := range s.Types {
		if !d.BuiltIn {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *ast.Definition) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func TestSchema(t *testing.T) {
	t.Parallel()
	t.Run("describes everything", func(t *testing.T) {
		t.Parallel()
		s := setup.Schema()
		described := 0
		check := func(description string, place ...string) {
			described++
			if len(strings.Fields(description)) == 0 {
				t.Errorf("%s has no description", strings.Join(place, "."))
			}
		}
		for _, d := range ours(s) {
			check(d.Description, d.Name)
			for _, f := range setup.FieldsOf(d) {
				check(f.Description, d.Name, f.Name)
				for _, a := range f.Arguments {
					check(a.Description, d.Name, f.Name, a.Name)
				}
			}
			for _, v := range d.EnumValues {
				check(v.Description, d.Name, v.Name)
			}
		}
		for _, d := range s.Directives {
			if d.Position.Src.BuiltIn {
				continue
			}
			check(d.Description, "@"+d.Name)
			for _, a := range d.Arguments {
				check(a.Description, "@"+d.Name, a.Name)
			}
		}
		if described < 400 {
			t.Errorf("only %d things were looked at", described)
		}
	})

	t.Run("says of every root field who may use it", func(t *testing.T) {
		t.Parallel()
		s := setup.Schema()
		for _, root := range []*ast.Definition{s.Query, s.Mutation, s.Subscription} {
			for _, f := range setup.FieldsOf(root) {
				place := root.Name + "." + f.Name
				requires := f.Directives.ForName("requires")
				if (requires == nil) != slices.Contains(public, place) {
					t.Errorf("%s: @requires is there: %v; the list of public fields says otherwise", place, requires != nil)
				}
				if requires != nil && len(requires.Arguments.ForName("role").Value.Children) == 0 {
					t.Errorf("%s: @requires names no role", place)
				}
			}
		}
	})

	// The price of an operation depends on these arguments, which mark a list, in this order.
	t.Run("has the arguments of lists in one order", func(t *testing.T) {
		t.Parallel()
		want := []string{"first: Int", "after: String", "last: Int", "before: String"}
		lists := 0
		for _, d := range ours(setup.Schema()) {
			for _, f := range setup.FieldsOf(d) {
				paged := f.Arguments.ForName("last") != nil || strings.HasSuffix(f.Type.Name(), "Connection")
				if !paged {
					continue
				}
				lists++
				var have []string
				for _, a := range f.Arguments[:min(4, len(f.Arguments))] {
					have = append(have, a.Name+": "+a.Type.String())
				}
				if !slices.Equal(have, want) {
					t.Errorf("%s.%s begins with (%s), not (%s)", d.Name, f.Name, strings.Join(have, ", "), strings.Join(want, ", "))
				}
			}
		}
		if lists < 10 {
			t.Errorf("only %d lists were found", lists)
		}
	})

	t.Run("binds all types to ours and generates none", func(t *testing.T) {
		t.Parallel()
		generated, err := filepath.Glob("../../graph/*models_gen.go")
		if err != nil || len(generated) > 0 {
			t.Errorf("gqlgen wrote %v (%v): bind the types in gqlgen.yml", generated, err)
		}
		if files, _ := filepath.Glob("../../graph/*.generated.go"); len(files) == 0 {
			t.Error("the generated code is not where this test looks")
		}
	})

	t.Run("keeps the contract", func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile(contract)
		if err != nil {
			t.Fatal(err)
		}
		promised, err := gqlparser.LoadSchema(&ast.Source{Name: "contract", Input: string(text)})
		if err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		compared := 0
		same := func(have, want string, place ...string) {
			compared++
			at := strings.Join(place, ".")
			if have == want {
				return
			}
			if differences[at] == "" {
				t.Errorf("%s is %s; the contract says %s", at, have, want)
			}
			used[at] = true
		}
		for _, d := range ours(setup.Schema()) {
			c := promised.Types[d.Name]
			if c == nil {
				continue // the contract lacks it
			}
			same(string(d.Kind), string(c.Kind), d.Name)
			for _, name := range d.Interfaces {
				if !slices.Contains(c.Interfaces, name) {
					same("implementing "+name, "nothing of it", d.Name, name)
				}
			}
			for _, f := range setup.FieldsOf(d) {
				cf := c.Fields.ForName(f.Name)
				if cf == nil {
					continue
				}
				same(withDefault(f.Type, f.DefaultValue), withDefault(cf.Type, cf.DefaultValue), d.Name, f.Name)
				for _, a := range f.Arguments {
					if ca := cf.Arguments.ForName(a.Name); ca != nil {
						same(withDefault(a.Type, a.DefaultValue), withDefault(ca.Type, ca.DefaultValue), d.Name, f.Name, a.Name)
					} else if a.Type.NonNull && a.DefaultValue == nil {
						same("an argument that must be given", "nothing of it", d.Name, f.Name, a.Name)
					}
				}
				for _, ca := range cf.Arguments {
					if ca.Type.NonNull && f.Arguments.ForName(ca.Name) == nil {
						same("nothing", "an argument that must be given", d.Name, f.Name, ca.Name)
					}
				}
			}
			// A field that the caller must set must be in the contract.
			if d.Kind == ast.InputObject {
				for _, f := range d.Fields {
					if f.Type.NonNull && f.DefaultValue == nil && c.Fields.ForName(f.Name) == nil {
						same("a field that must be given", "nothing of it", d.Name, f.Name)
					}
				}
			}
		}
		for at := range differences {
			if !used[at] {
				t.Errorf("the list of differences has %s, where there is none", at)
			}
		}
		if compared < 300 {
			t.Errorf("only %d places were compared", compared)
		}
		t.Logf("%d places are as the contract has them", compared)
	})
}

func withDefault(of *ast.Type, value *ast.Value) string {
	if value == nil {
		return of.String()
	}
	return of.String() + " = " + value.String()
}
