// Package app owns the program as a whole: it opens the database, connects the packages that work on it, serves until
// its context ends, and closes everything in order. The commands (internal/cli) and the end-to-end tests (e2e) start
// the program here.
//
// It refuses flags and printed texts (internal/cli), settings (internal/config) and every decision about responses,
// cases and users.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
	_ "time/tzdata" // A machine without a time zone database must know the settings' time zone too.

	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/logline"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/migrations"
)

// shutdown is how long requests, sockets, webhooks and mails in progress may take to end.
const shutdown = 10 * time.Second

// Options describe the command that starts the program.
type Options struct {
	// Command is the command that runs, such as "serve" or "import". A private PostgreSQL names it to other processes
	// that want its folder; "serve" owns the folder, every other command shares it.
	Command string
	// Log receives the program's log. Nil: it is discarded.
	Log *slog.Logger
	// Existing demands that the folder of the private PostgreSQL has a database: Open makes no new one.
	Existing bool
	// DB is a migrated database to work on. Nil: Open opens the one that the settings name, and migrates it.
	DB *pg.DB
	// Sample fills an empty database with made-up data when Serve starts, and keeps new responses coming.
	Sample bool
	// Listening is called with the address as soon as Serve accepts connections. Nil: nothing is called.
	Listening func(net.Addr)
	// CollectFor is how long a loader collects keys before it reads them together. 0: read.BatchWait.
	CollectFor time.Duration
}

// App is the program on one database. Its exported fields are what the commands and the end-to-end tests use.
type App struct {
	parts

	config  *config.Config
	options Options
	log     *slog.Logger

	sockets *live.Server // nil until Handler has been called
}

// Open opens the database, migrates it and connects the packages that work on it. Nothing runs in the background until
// Serve is called. ctx ends the opening only; Close ends the rest, the database that the options gave included.
func Open(ctx context.Context, c *config.Config, o Options) (*App, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = logline.Logger(o.Log)
	db := o.DB
	if db == nil {
		var err error
		if db, err = openDatabase(ctx, c, o); err != nil {
			return nil, err
		}
	}
	a := &App{config: c, options: o, log: o.Log}
	if err := a.wire(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

func openDatabase(ctx context.Context, c *config.Config, o Options) (*pg.DB, error) {
	folder, err := c.Folder()
	if err != nil && c.DatabaseURL == "" {
		return nil, err
	}
	var warmUp string
	if o.Command == "serve" {
		warmUp = read.WarmUp
	}
	if o.Existing && c.DatabaseURL == "" && !pg.Exists(folder) {
		return nil, fmt.Errorf("there is no database in the folder %s: name another folder (CLOSELOOP_DATA_DIR), or begin one with \"closeloop serve\"", folder)
	}
	db, err := pg.Open(ctx, pg.Options{
		URL: c.DatabaseURL, DataDir: folder, Command: o.Command, Serve: o.Command == "serve", Log: o.Log, WarmUp: warmUp,
		Limits: pg.Limits{
			Share: int(c.TokenShare), Wait: time.Duration(c.QueueTimeout),
			List: time.Duration(c.ListTimeout), Report: time.Duration(c.ReportTimeout), Write: time.Duration(c.WriteTimeout),
		},
	})
	if err != nil {
		return nil, err
	}
	if err := migrations.Apply(ctx, db.Lane(pg.Background).Pool); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// CloseSockets ends every socket and event stream, so that the HTTP server that carries the handler can shut down.
func (a *App) CloseSockets(ctx context.Context) error {
	if a.sockets == nil {
		return nil
	}
	return a.sockets.Close(ctx)
}

// Close ends what works on the database, and then the database. Sockets must be closed and Serve must have returned.
func (a *App) Close() {
	a.Reports.Close()
	a.Feed.Close()
	if err := a.DB.Close(); err != nil {
		a.log.Error("close the database", "error", err)
	}
}
