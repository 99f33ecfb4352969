package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/graph"
)

const (
	wordsMin  = 4  // of a description
	repeatMax = 10 // fields and arguments that share one description
)

// paging are the arguments that mean the same on every list, so that their descriptions may repeat without limit.
var paging = []string{"first", "last", "after", "before", "orderBy"}

// element is anything in the schema that has a description.
type element struct {
	place       string // such as Query.cases(filter)
	name        string
	description string
	isField     bool // or an argument
}

// elements lists everything that our schema files define. GraphQL's own definitions are left out.
func elements(s *ast.Schema) (all []element) {
	for _, d := range s.Types {
		if d.BuiltIn {
			continue
		}
		all = append(all, element{d.Name, d.Name, d.Description, false})
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			all = append(all, element{d.Name + "." + f.Name, f.Name, f.Description, true})
			all = append(all, arguments(d.Name+"."+f.Name, f.Arguments)...)
		}
		for _, v := range d.EnumValues {
			all = append(all, element{d.Name + "." + v.Name, v.Name, v.Description, false})
		}
	}
	for _, d := range s.Directives {
		if d.Position.Src.BuiltIn {
			continue
		}
		all = append(all, element{"@" + d.Name, d.Name, d.Description, false})
		all = append(all, arguments("@"+d.Name, d.Arguments)...)
	}
	slices.SortFunc(all, func(a, b element) int { return strings.Compare(a.place, b.place) })
	return all
}

func arguments(of string, list ast.ArgumentDefinitionList) (all []element) {
	for _, a := range list {
		all = append(all, element{of + "(" + a.Name + ")", a.Name, a.Description, true})
	}
	return all
}

func TestDescriptions(t *testing.T) {
	t.Parallel()
	all := elements(graph.NewExecutableSchema(graph.Config{}).Schema())
	if len(all) < 1000 {
		t.Fatalf("only %d elements of the schema were found", len(all))
	}

	t.Run("every element has one", func(t *testing.T) {
		t.Parallel()
		for _, e := range all {
			if strings.TrimSpace(e.description) == "" {
				t.Errorf("%s has no description", e.place)
			}
		}
	})

	t.Run("none has fewer than four words", func(t *testing.T) {
		t.Parallel()
		for _, e := range all {
			if n := len(strings.Fields(e.description)); n > 0 && n < wordsMin {
				t.Errorf("the description of %s is too short to be understood alone: %q", e.place, e.description)
			}
		}
	})

	t.Run("no description is on more than ten fields outside paging", func(t *testing.T) {
		t.Parallel()
		places := map[string][]string{}
		for _, e := range all {
			if e.isField && e.description != "" && !slices.Contains(paging, e.name) {
				places[e.description] = append(places[e.description], e.place)
			}
		}
		for description, on := range places {
			if len(on) > repeatMax {
				t.Errorf("%d fields share the description %q; say what differs: %s", len(on), description, strings.Join(on, ", "))
			}
		}
	})
}
