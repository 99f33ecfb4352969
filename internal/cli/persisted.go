package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/persisted"
)

type persistedCommand struct {
	Add    persistedAddCommand    `cmd:"" help:"Register the documents of a manifest."`
	List   persistedListCommand   `cmd:"" help:"List the registered documents: id, size in bytes, and when they were registered."`
	Remove persistedRemoveCommand `cmd:"" help:"Take documents off the list."`
}

type persistedAddCommand struct {
	File string `arg:"" type:"path" help:"The manifest as JSON: Apollo's persisted query manifest, or Relay's object of ids and texts."`
}

// Help is the long text of --help.
func (persistedAddCommand) Help() string {
	return "Clients name a registered document by its id (documentId, or id, in place of query) or by its SHA-256 (automatic persisted queries). " +
		"Every document must fit the schema of this version; otherwise none is registered. Running servers see the documents within a second. " +
		"CLOSELOOP_REGISTERED_ONLY names the roles that may use no other documents."
}

func (p *persistedAddCommand) Run(ctx context.Context, c *config.Config, out io.Writer) error {
	text, err := os.ReadFile(p.File)
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	documents, err := persisted.ParseManifest(text)
	if err != nil {
		return err
	}
	if err := persisted.Check(graph.NewExecutableSchema(graph.Config{}).Schema(), documents); err != nil {
		return fmt.Errorf("no document was registered, because some do not fit:\n%w", err)
	}
	a, err := openExisting(ctx, c, "persisted add")
	if err != nil {
		return err
	}
	defer a.Close()
	added, err := a.Registered.Add(ctx, auth.System("persisted add"), documents)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Documents registered: %d. Registered before: %d.\n", added, len(documents)-added)
	return nil
}

type persistedListCommand struct{}

func (persistedListCommand) Run(ctx context.Context, c *config.Config, out io.Writer) error {
	a, err := openExisting(ctx, c, "persisted list")
	if err != nil {
		return err
	}
	defer a.Close()
	all, err := a.Registered.List(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		fmt.Fprintf(out, "%s\t%d\t%s\n", d.ID, len(d.Body), d.CreatedAt.UTC().Format("2006-01-02 15:04:05Z"))
	}
	return nil
}

type persistedRemoveCommand struct {
	ID []string `arg:"" help:"Ids of documents."`
}

func (p *persistedRemoveCommand) Run(ctx context.Context, c *config.Config, out io.Writer) error {
	a, err := openExisting(ctx, c, "persisted remove")
	if err != nil {
		return err
	}
	defer a.Close()
	removed, err := a.Registered.Remove(ctx, auth.System("persisted remove"), p.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Documents removed: %d.", len(removed))
	if unknown := slices.DeleteFunc(p.ID, func(id string) bool { return slices.Contains(removed, id) }); len(unknown) > 0 {
		fmt.Fprintf(out, " Not registered: %s.", strings.Join(unknown, ", "))
	}
	fmt.Fprintln(out)
	return nil
}
