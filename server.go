// Command closeloop takes survey responses in, opens cases by rules, and shows what happens to them through one
// GraphQL API with a live feed. This file is its command line and its wiring; all else is in the packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // machines without a zone database know the settings' time zone too

	"github.com/alecthomas/kong"
	"github.com/vektah/gqlparser/v2/formatter"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/httpd"
	"github.com/closeloop/closeloop/internal/importer"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/notify"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/internal/sample"
	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/migrations"
	"github.com/closeloop/closeloop/model"
	"github.com/closeloop/closeloop/resolvers"
)

// shutdown is how long requests, sockets, webhooks and mails under way may take to end.
const shutdown = 10 * time.Second

type commands struct {
	config.Config `group:"Settings:"`

	Serve   serveCommand   `cmd:"" default:"withargs" help:"Answer the API (the default command)."`
	Import  importCommand  `cmd:"" help:"Take the responses of a CSV file in."`
	Token   tokenCommand   `cmd:"" help:"API tokens."`
	Feed    feedCommand    `cmd:"" help:"The feed of events."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to this version's schema; serve does it by itself."`
	Schema  schemaCommand  `cmd:"" help:"Print the GraphQL schema (SDL)."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	var c commands
	k := kong.Parse(&c,
		kong.Name("closeloop"),
		kong.Description("Closes the loop with customers: takes survey responses in, opens cases by rules, assigns them, mails the right people, and shows it all live through one GraphQL API.\n\nWith no settings it starts a PostgreSQL of its own."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&c.Config),
	)
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "closeloop:", err)
		stop()
		os.Exit(1)
	}
}

type serveCommand struct {
	Sample bool `help:"Begin with made-up customers, responses and cases, in a data folder of their own, and keep new responses coming."`
}

func (s *serveCommand) Run(ctx context.Context, c *config.Config) error {
	log := c.Logger(os.Stderr)
	if s.Sample {
		if err := sampleFolder(c); err != nil {
			return err
		}
	}
	a, err := open(ctx, c, "serve", log)
	if err != nil {
		return err
	}
	defer a.close()
	secret, err := a.setup.FirstStart(ctx, c.AdminToken)
	if err != nil {
		return err
	}
	if secret != "" {
		fmt.Printf("The administrator's API token, shown this once:\n\n    %s\n\n", secret)
	}
	return a.serve(ctx, c, s.Sample)
}

// sampleFolder keeps made-up data apart from real data.
func sampleFolder(c *config.Config) error {
	if c.DatabaseURL != "" || c.DataDir != "" {
		return nil
	}
	folder, err := c.Folder()
	c.DataDir = folder + "-sample"
	return err
}

type migrateCommand struct{}

func (migrateCommand) Run(ctx context.Context, c *config.Config) error {
	a, err := open(ctx, c, "migrate", c.Logger(os.Stderr))
	if err != nil {
		return err
	}
	defer a.close()
	fmt.Println("The database is at this version's schema.")
	return nil
}

type tokenCommand struct {
	Create tokenCreateCommand `cmd:"" help:"Make an API token for a user, and the user too where there is none. Prints the secret."`
}

type tokenCreateCommand struct {
	User string `required:"" placeholder:"EMAIL" help:"The user's e-mail address."`
	Role string `required:"" enum:"ADMIN,MANAGER,AGENT,STAKEHOLDER,PARTNER,INTAKE" placeholder:"ROLE" help:"What the user may do: ${enum}."`
}

func (t *tokenCreateCommand) Run(ctx context.Context, c *config.Config) error {
	a, err := open(ctx, c, "token create", c.Logger(os.Stderr))
	if err != nil {
		return err
	}
	defer a.close()
	secret, err := a.setup.IssueToken(ctx, t.User, model.Role(t.Role))
	if err != nil {
		return err
	}
	fmt.Println(secret)
	return nil
}

type feedCommand struct {
	Fork feedForkCommand `cmd:"" help:"Part the feed of a copied database from the original's."`
}

type feedForkCommand struct{}

// Help is what --help says of it at length.
func (feedForkCommand) Help() string {
	return "Run it once on each copy of a data folder, or of a virtual machine's disk, before clients come to it. " +
		"The copy takes itself for the original, and from the moment of the copy both put different events at the same places. " +
		"After this command the copy answers a cursor that the original gave out since then with FEED_RESET, and its client reads the list again; " +
		"cursors from before the copy go on here as they do there. It changes no event. A server that is running takes it up by itself.\n\n" +
		"A dump that was restored and a standby that was promoted are noticed without it."
}

func (feedForkCommand) Run(ctx context.Context, c *config.Config) error {
	a, err := open(ctx, c, "feed fork", c.Logger(os.Stderr))
	if err != nil {
		return err
	}
	defer a.close()
	after, err := a.feed.Fork(ctx)
	if err != nil {
		return err
	}
	a.feed.Wake()
	fmt.Printf("The feed of this database goes its own way after event %d. Cursors that a copy gave out beyond it get FEED_RESET here.\n", after)
	return nil
}

type schemaCommand struct{}

func (schemaCommand) Run() error {
	formatter.NewFormatter(os.Stdout, formatter.WithIndent("  ")).FormatSchema(graph.NewExecutableSchema(graph.Config{}).Schema())
	return nil
}

type importCommand struct {
	File             string `arg:"" type:"existingfile" help:"The CSV file; its first line names the columns."`
	importer.Columns `group:"Columns of the file:"`
	Survey           string `placeholder:"NAME" help:"The survey of all rows."`
	TimeZone         string `default:"UTC" placeholder:"ZONE" help:"Of times without one, an IANA name (${default})."`
	NoRules          bool   `help:"Only store the responses: open no case, mail nobody."`
	NoNotify         bool   `help:"Open cases, but mail nobody."`
}

func (i *importCommand) Run(ctx context.Context, c *config.Config) error {
	zone, err := time.LoadLocation(i.TimeZone)
	if err != nil {
		return fmt.Errorf("--time-zone: %q is not a time zone; an IANA name is asked for, such as Europe/Amsterdam", i.TimeZone)
	}
	file, err := os.Open(i.File)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	a, err := open(ctx, c, "import", c.Logger(os.Stderr))
	if err != nil {
		return err
	}
	defer a.close()
	progress := importer.NewProgress(os.Stderr, info.Size())
	done, err := importer.Import(ctx, a.work, auth.Viewer{}, file, importer.Options{
		Columns: i.Columns, Survey: i.Survey, TimeZone: zone, SkipRules: i.NoRules, SkipNotify: i.NoNotify,
		Progress: progress, Now: time.Now,
	})
	progress.Close(done)
	return err
}

// app is the program on one database.
type app struct {
	db    *pg.DB
	log   *slog.Logger
	feed  *event.Log
	queue *job.Queue
	work  *casework.Work
	setup *setup.Setup
	mail  *notify.Mailer
	files *importer.Uploads
	hooks *webhook.Sender
	count *report.Reports

	rate    *rate.Buckets
	collect time.Duration // how long a loader waits for its siblings
	live    config.Live   // limits of sockets
}

// open opens the database, brings it to this version's schema, and wires what writes to it.
func open(ctx context.Context, c *config.Config, command string, log *slog.Logger) (*app, error) {
	folder, err := c.Folder()
	if err != nil && c.DatabaseURL == "" {
		return nil, err
	}
	db, err := pg.Open(ctx, pg.Options{URL: c.DatabaseURL, DataDir: folder, Command: command, Serve: command == "serve", Log: log})
	if err != nil {
		return nil, err
	}
	if err := migrations.Apply(ctx, db.Pool); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	a, err := wire(db, c, log)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

func wire(db *pg.DB, c *config.Config, log *slog.Logger) (*app, error) {
	queue, err := job.NewQueue(db.Pool, log)
	if err != nil {
		return nil, err
	}
	from, err := c.From()
	if err != nil {
		return nil, err
	}
	feed := event.New(db, log)
	work := casework.New(db, feed, queue, time.Now)
	mail, err := notify.New(db, notify.Options{SMTPURL: c.SMTPURL, From: from.String(), PublicURL: c.Base(), Log: log, Also: work.Workers})
	if err != nil {
		return nil, err
	}
	limit, restore := c.Rate()
	policy := egress.Policy{Private: c.PrivateWebhooks()}
	return &app{
		db: db, log: log, feed: feed, queue: queue, work: work, mail: mail, rate: rate.New(limit, restore, time.Now),
		files: importer.NewUploads(db, work, time.Now, log),
		setup: setup.New(db, work, feed, time.Now).Through(policy), collect: read.BatchWait, live: c.Live,
		hooks: webhook.New(db, feed, queue, webhook.Options{Policy: policy, Now: time.Now, Log: log}),
		count: report.New(db, feed, time.Now),
	}, nil
}

func (a *app) close() {
	a.count.Close()
	a.feed.Close()
	if err := a.db.Close(); err != nil {
		a.log.Error("close the database", "error", err)
	}
}

// serve answers the API until ctx ends.
func (a *app) serve(ctx context.Context, c *config.Config, withSample bool) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s (CLOSELOOP_LISTEN): %w", c.Listen, err)
	}
	handler, sockets := a.handler()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug)}
	a.feed.Follow()
	if err := a.mail.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	running, end := context.WithCancel(ctx)
	defer end()
	var background sync.WaitGroup
	background.Go(func() { a.files.Run(running) })
	timers := func() {
		background.Go(func() { a.work.WatchDue(running, a.log) })
		background.Go(func() { a.work.ForgetKeys(running, a.log) })
		background.Go(func() { a.work.WatchEstimates(running, a.log) })
		background.Go(func() { a.work.WatchRetention(running, a.log) })
	}
	if withSample {
		background.Go(func() { a.sample(running, timers) }) // the past is made by a clock of its own
	} else {
		timers()
	}
	background.Go(func() { a.hooks.Run(running) })
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Printf("closeloop is at http://%s\n    GraphQL    http://%[1]s/graphql (POST with 'Authorization: Bearer <token>'; subscriptions over WebSocket or server-sent events)\n    wallboard  http://%[1]s/\n", listener.Addr())

	if withSample && c.AdminToken != "" { // made-up data is no secret
		fmt.Printf("    token      %s\n", c.AdminToken)
	}

	select {
	case err = <-failed:
	case <-ctx.Done():
		err = nil
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
	defer cancel()
	end()
	background.Wait()
	return errors.Join(err, sockets.Close(ending), server.Shutdown(ending), a.mail.Stop(ending))
}

func (a *app) handler() (http.Handler, *live.Server) {
	tokens := auth.NewTokens(a.db.Gorm, time.Now)
	reader := read.New(a.db, a.feed, time.Now, a.collect)
	present := httpd.Presenter(a.log)
	sockets := live.New(live.Options{
		Log:                       a.log,
		Ended:                     tokens.Ended,
		InitTimeout:               time.Duration(a.live.InitTimeout),
		MaxMessageBytes:           int64(a.live.MaxMessageBytes),
		MaxSubscriptionsPerSocket: int(a.live.MaxSubscriptions),
		MaxSocketsPerToken:        int(a.live.MaxSocketsPerToken),
		MaxSockets:                int(a.live.MaxSockets),
		SignIn: func(ctx context.Context, secret string) (live.Session, error) {
			caller, err := tokens.SignIn(ctx, secret)
			switch {
			case fault.Is(err, fault.CodeUnauthenticated):
				return live.Session{}, err
			case err != nil:
				return live.Session{}, fmt.Errorf("%w: %w", live.ErrUnavailable, err)
			}
			session := live.Session{Key: caller.Key(), View: caller.View(), Context: func(ctx context.Context) context.Context { return auth.With(ctx, caller.Viewer) }}
			if caller.Expires != nil {
				session.Expires = *caller.Expires
			}
			return session, nil
		},
	})
	return httpd.Handler(httpd.Options{
		Resolver: &resolvers.Resolver{
			Work: a.work, Setup: a.setup, Read: reader, Log: a.feed, Uploads: a.files, Now: time.Now,
			Reports: a.count,
		},
		Read: reader, Tokens: tokens, Live: sockets, Rate: a.rate, Present: present, Ready: a.db.Pool.Ping, Log: a.log,
	}), sockets
}

// sample fills an empty database with made-up data, and then keeps responses coming.
func (a *app) sample(ctx context.Context, made func()) {
	err := sample.Run(ctx, sample.Options{DB: a.db, Feed: a.feed, Queue: a.queue, Log: a.log, Now: time.Now, Made: made})
	if err != nil && ctx.Err() == nil {
		a.log.Error("sample data", "error", err)
	}
}
