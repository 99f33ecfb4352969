// Package cli owns the command line: one file for each command, with its flags and the texts that it prints.
//
// It refuses to do a command's work: it starts the program (internal/app) and calls the package that does it. Settings
// are internal/config's.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/closeloop/closeloop/internal/app"
	"github.com/closeloop/closeloop/internal/config"
)

type commands struct {
	config.Config `group:"Settings:"` // settingsGroup

	Serve     serveCommand     `cmd:"" default:"withargs" help:"Answer the API (the default command)."`
	Import    importCommand    `cmd:"" help:"Import the responses of a file of any survey tool, CSV or a workbook. Exits with 0 if all rows went in, 2 if some were rejected, 1 if none went in."`
	Token     tokenCommand     `cmd:"" help:"API tokens."`
	Persisted persistedCommand `cmd:"" help:"Registered documents, which clients name instead of sending them."`
	Feed      feedCommand      `cmd:"" help:"The feed of events."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the database to this version's schema; serve does so by itself."`
	Schema    schemaCommand    `cmd:"" help:"Print the GraphQL schema (SDL)."`
	Version   versionCommand   `cmd:"" help:"Print the version, the commit, the Go version and the number of the database schema."`
}

// Main runs the command that the arguments name and returns the exit code: 0, or 1 for an error; a command can have others. The first interrupt asks the command to
// end in order; the second ends the process at once.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	err := run(ctx, args, os.Stdout)
	if err == nil {
		return 0
	}
	var status exitStatus
	if errors.As(err, &status) {
		return int(status)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("stopped")
	}
	fmt.Fprintln(os.Stderr, "closeloop:", err)
	return 1
}

// run runs one command, which prints to out. --help ends the process.
func run(ctx context.Context, args []string, out io.Writer) error {
	command, err := newParser(ctx, out).Parse(args)
	if err != nil {
		return fmt.Errorf("%w; see %s --help", err, commandOf(err, args))
	}
	return command.Run()
}

// commandOf returns the command, as far as it was understood, whose arguments are wrong.
func commandOf(wrong error, args []string) string {
	name := "closeloop"
	var parsing *kong.ParseError
	if errors.As(wrong, &parsing) {
		for _, p := range parsing.Context.Path {
			if p.Command != nil && slices.Contains(args, p.Command.Name) { // else it is the default command
				name += " " + p.Command.Name
			}
		}
	}
	return name
}

func newParser(ctx context.Context, out io.Writer, options ...kong.Option) *kong.Kong {
	var c commands
	return kong.Must(&c, append([]kong.Option{
		kong.Name("closeloop"),
		kong.Description("Closes the loop with customers: takes survey responses in, opens cases by rules, assigns them, mails the right people, and shows it all live through one GraphQL API.\n\nWith no settings it starts a PostgreSQL of its own."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(printHelp),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(out, (*io.Writer)(nil)),
		kong.Bind(&c.Config),
	}, options...)...)
}

const settingsGroup = "Settings:"

// printHelp shows all settings with the server's help. The help of another command shows those that find the database, so
// that its own flags are not lost among settings that it does not use.
func printHelp(options kong.HelpOptions, c *kong.Context) error {
	selected := c.Selected()
	if selected == nil || selected.Name == "serve" {
		return kong.DefaultHelpPrinter(options, c)
	}
	for _, flag := range c.Model.Flags {
		if flag.Group != nil && flag.Group.Key == settingsGroup && !slices.Contains([]string{"database-url", "data-dir", "log"}, flag.Name) {
			flag.Hidden = true
		}
	}
	if err := kong.DefaultHelpPrinter(options, c); err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout, "\nThe settings of the server are in the help of \"closeloop serve\".")
	return nil
}

// openExisting is open for a command that makes no sense on a new, empty database: with a mistyped folder it would seem to
// succeed.
func openExisting(ctx context.Context, c *config.Config, command string) (*app.App, error) {
	return app.Open(ctx, c, app.Options{Command: command, Existing: true, Log: c.Logger(os.Stderr)})
}

// open opens the program for a command that ends by itself.
func open(ctx context.Context, c *config.Config, command string) (*app.App, error) {
	return app.Open(ctx, c, app.Options{Command: command, Log: c.Logger(os.Stderr)})
}
