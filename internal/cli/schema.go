package cli

import (
	"io"

	"github.com/vektah/gqlparser/v2/formatter"

	"github.com/closeloop/closeloop/graph"
)

type schemaCommand struct{}

func (schemaCommand) Run(out io.Writer) error {
	formatter.NewFormatter(out, formatter.WithIndent("  ")).FormatSchema(graph.Schema())
	return nil
}
