package graph

import (
	"maps"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// Schema is the schema that clients see: that of the .graphqls files and of introspection, without @defer. The parser's
// prelude brings that directive along, but no transport sends an answer in parts.
var Schema = sync.OnceValue(func() *ast.Schema {
	s := *parsedSchema
	s.Directives = maps.Clone(s.Directives)
	delete(s.Directives, "defer")
	return &s
})
