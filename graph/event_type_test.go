package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/model"
)

func TestEventTypes(t *testing.T) {
	t.Parallel()
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()

	t.Run("are the values of the enum", func(t *testing.T) {
		t.Parallel()
		var values, types []string
		for _, v := range schema.Types["CaseEventType"].EnumValues {
			values = append(values, v.Name)
		}
		for _, of := range model.EventTypes() {
			types = append(types, string(of))
		}
		slices.Sort(values)
		slices.Sort(types)
		if !slices.Equal(values, types) {
			t.Errorf("the schema has %v, and the table of event types %v", values, types)
		}
	})
	t.Run("are the types that implement CaseEvent", func(t *testing.T) {
		t.Parallel()
		var objects, names []string
		for _, d := range schema.PossibleTypes["CaseEvent"] {
			objects = append(objects, d.Name)
		}
		for _, of := range model.EventTypes() {
			names = append(names, of.Spec().GraphQL)
		}
		slices.Sort(objects)
		slices.Sort(names)
		if !slices.Equal(objects, names) {
			t.Errorf("the schema has %v, and the table of event types %v", objects, names)
		}
	})
	t.Run("have in the schema the fields that the table gives them", func(t *testing.T) {
		t.Parallel()
		common := schema.Types["CaseEvent"].Fields
		for _, of := range model.EventTypes() {
			object := schema.Types[of.Spec().GraphQL]
			if object == nil {
				continue // the subtest above says so
			}
			var fields, table []string
			for _, f := range object.Fields {
				if common.ForName(f.Name) == nil && !strings.HasPrefix(f.Name, "__") {
					fields = append(fields, f.Name)
				}
			}
			for _, f := range of.Spec().Fields {
				table = append(table, strings.TrimSuffix(f.Name, "Id"))
			}
			slices.Sort(fields)
			slices.Sort(table)
			if !slices.Equal(fields, table) {
				t.Errorf("%s has %v in the schema, and %v in the table of event types", object.Name, fields, table)
			}
		}
	})
}
