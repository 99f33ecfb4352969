package argument

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/graph"
)

// Every ID in the input of a mutation has a kind, so that a wrong one is found before another field of the mutation has
// taken effect.
func TestEveryIDOfAMutationHasAKind(t *testing.T) {
	t.Parallel()
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	found, seen := map[string]bool{}, map[string]bool{}
	var walk func(name string)
	walk = func(name string) {
		def := schema.Types[name]
		if def.Kind != ast.InputObject || seen[name] || strings.HasSuffix(name, "Filter") { // filters check their own
			return
		}
		seen[name] = true
		for _, f := range def.Fields {
			if f.Type.Name() == "ID" {
				found[f.Name] = true
				if ids[f.Name] == nil {
					t.Errorf("%s.%s has no kind", name, f.Name)
				}
			}
			walk(f.Type.Name())
		}
	}
	for _, f := range schema.Mutation.Fields {
		for _, a := range f.Arguments {
			if a.Type.Name() == "ID" {
				t.Errorf("%s has an ID outside of its input, which is not checked", f.Name)
			}
			walk(a.Type.Name())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		if !found[name] {
			t.Errorf("no input has an ID %s", name)
		}
	}
}

func TestIDsOfVariablesAndArgumentsHaveNoKind(t *testing.T) {
	t.Parallel()
	if _, _, faults := coerce(t, `query ($caseId: ID) {assign(input: {externalId: $caseId}, caseId: $caseId)}`, `{"caseId": "7"}`); len(faults) > 0 {
		t.Errorf("%v", faults)
	}
}
