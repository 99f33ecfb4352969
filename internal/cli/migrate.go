package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/closeloop/closeloop/internal/config"
)

type migrateCommand struct{}

// Run opens the program, which migrates the database.
func (migrateCommand) Run(ctx context.Context, c *config.Config, out io.Writer) error {
	a, err := open(ctx, c, "migrate")
	if err != nil {
		return err
	}
	defer a.Close()
	fmt.Fprintln(out, "The database is at this version's schema.")
	return nil
}
