package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/closeloop/closeloop/internal/app"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/logline"
)

type serveCommand struct {
	Sample bool `help:"Begin with made-up customers, responses and cases, in a data folder of their own, and keep new responses coming."`
}

func (s *serveCommand) Run(ctx context.Context, c *config.Config, out io.Writer) error {
	if s.Sample {
		if err := useSampleFolder(c); err != nil {
			return err
		}
	}
	listener, err := app.Listen(c)
	if err != nil {
		return err
	}
	defer listener.Close()
	log := logline.Logger(c.Logger(os.Stderr))
	slog.SetDefault(log) // for libraries that log without a logger of ours
	a, err := app.Open(ctx, c, app.Options{Command: "serve", Log: log, Sample: s.Sample, Listening: func(at net.Addr) {
		fmt.Fprintf(out, "closeloop is at http://%s\n    GraphQL    http://%[1]s/graphql (POST, or GET for queries, with 'Authorization: Bearer <token>'; subscriptions over WebSocket or server-sent events)\n    wallboard  http://%[1]s/\n", at)
		if s.Sample && c.AdminToken != "" {
			fmt.Fprintf(out, "    token      %s\n", shownToken(c.AdminToken))
		}
		if s.Sample {
			fmt.Fprintln(out, "A new database fills with a year of sample data in about half a minute. Stop with Ctrl-C.")
		}
	}})
	if err != nil {
		return err
	}
	defer a.Close()
	secret, err := a.Users.FirstStart(ctx, auth.System("start"), c.AdminToken)
	if err != nil {
		return err
	}
	if secret != "" {
		fmt.Fprintf(out, "The administrator's API token, shown this once:\n\n    %s\n\n", secret)
	}
	if err := warnOfToken(ctx, a, log, c.AdminToken); err != nil {
		return err
	}
	return a.Serve(ctx, listener)
}

// warnOfToken warns where the token of CLOSELOOP_ADMIN_TOKEN signs nobody in: the start has made it valid again where it had
// expired, but it stays revoked, and its user inactive.
func warnOfToken(ctx context.Context, a *app.App, log *slog.Logger, given string) error {
	if given == "" {
		return nil
	}
	_, err := auth.NewTokens(a.DB.Gorm, a.Configuration, time.Now).SignIn(ctx, given)
	if !fault.Is(err, fault.CodeUnauthenticated) {
		return err
	}
	log.WarnContext(ctx, "the token of CLOSELOOP_ADMIN_TOKEN is refused, because it was revoked or its user is inactive: choose another one")
	return nil
}

// shownToken shows a token that is made for sample data, which is not secret, and only where to find any other one.
func shownToken(token string) string {
	if strings.HasPrefix(token, "sample-") {
		return token
	}
	return "the one of CLOSELOOP_ADMIN_TOKEN"
}

// useSampleFolder keeps made-up data apart from real data.
func useSampleFolder(c *config.Config) error {
	if c.DatabaseURL != "" || c.DataDir != "" {
		return nil
	}
	folder, err := c.Folder()
	c.DataDir = folder + "-sample"
	return err
}
