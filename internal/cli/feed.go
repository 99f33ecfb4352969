package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/closeloop/closeloop/internal/config"
)

type feedCommand struct {
	Fork feedForkCommand `cmd:"" help:"Separate the feed of a copied database from the original's."`
}

type feedForkCommand struct{}

// Help is the long text of --help.
func (feedForkCommand) Help() string {
	return "Run this once on each copy of a data folder, or of a virtual machine's disk, before clients connect to it. " +
		"A copy cannot tell that it is not the original, and from the moment of the copy both put different events at the same positions. " +
		"After this command the copy answers a cursor that the original has given out since then with FEED_RESET, and the client reads the list again; " +
		"cursors from before the copy continue to work on both. The command changes no event. A running server notices it by itself.\n\n" +
		"It is not needed for a restored dump or a promoted standby: closeloop recognises both."
}

func (feedForkCommand) Run(ctx context.Context, c *config.Config, out io.Writer) error {
	a, err := openExisting(ctx, c, "feed fork")
	if err != nil {
		return err
	}
	defer a.Close()
	after, err := a.Feed.Fork(ctx)
	if err != nil {
		return err
	}
	a.Feed.Wake()
	fmt.Fprintf(out, "The feed of this database is separate from every copy's after event %d. A later cursor of another copy gets FEED_RESET here.\n", after)
	return nil
}
