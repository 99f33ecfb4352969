package setup

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/graph"
)

// Schema is the GraphQL schema of the program.
func Schema() *ast.Schema { return graph.Schema() }

// FieldsOf are the fields of a type, without those of introspection.
func FieldsOf(d *ast.Definition) (list []*ast.FieldDefinition) {
	for _, f := range d.Fields {
		if !strings.HasPrefix(f.Name, "__") {
			list = append(list, f)
		}
	}
	return list
}
