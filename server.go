// Command closeloop takes survey responses in, opens cases by rules, and shows what happens to the cases through one
// GraphQL API with a live feed. The commands are in internal/cli, what they start is in internal/app.
package main

import (
	"os"

	"github.com/closeloop/closeloop/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:]))
}
