// Package pg opens PostgreSQL: the one it is given, or a private one that it starts itself. It owns
// the pool, the transaction and its retries, and who may use a private PostgreSQL's folder when.
//
// It refuses to know any table, to migrate (package migrations does), to show a password or a
// statement's values in an error or a log, and to let two servers work on one data folder.
package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"
)

// Options say which PostgreSQL to open, and for what.
type Options struct {
	// URL is the connection string of a PostgreSQL that runs (DATABASE_URL). Empty: a private one.
	URL string
	// DataDir is the folder of the private PostgreSQL.
	DataDir string
	// Command names what is running in messages to others that want the folder: "serve", "import".
	Command string
	// Serve is set by the server, which needs the private PostgreSQL for itself to own; a command
	// shares that of a server or of another command.
	Serve bool
	// Log gets what happens to the private PostgreSQL, and slow statements. Nil: nowhere.
	Log *slog.Logger
	// MaxConns bounds the pool; 0 is what the URL's pool_max_conns says, else a number that fits
	// the processors. Fewer than 4 become 4: migrating and listening hold a connection each.
	MaxConns int32
	// Tracer sees every statement. Nil: nobody.
	Tracer pgx.QueryTracer

	patience  time.Duration // how long a server waits for a command that owns the folder; 0 is 10 s
	throwaway bool          // tests do not wait for the disk
}

// DB is an open PostgreSQL. Pool and Gorm share its connections.
type DB struct {
	Pool *pgxpool.Pool
	Gorm *gorm.DB

	sql     *sql.DB
	private *private // nil: a PostgreSQL that somebody else runs
	once    sync.Once
	closed  error
}

// leaving is how long Close waits for connections that are still in use.
const leaving = 10 * time.Second

// Open opens the PostgreSQL of the URL, or, where there is no URL, the private one: it starts it,
// or joins the one that another closeloop runs on the same folder. ctx ends the opening only.
// Errors are one line each, for people.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.URL != "" {
		return Connect(ctx, o.URL, o)
	}
	return openPrivate(ctx, o)
}

// Close closes the pool and, where this process owns the private PostgreSQL, stops it once the
// commands that joined have ended. A connection that somebody has not given back is waited for, for
// ten seconds: a server that cannot stop is worse than a connection that is cut. Closing again
// changes nothing.
func (d *DB) Close() error {
	d.once.Do(func() { d.closed = d.close() })
	return d.closed
}

func (d *DB) close() error {
	var errs []error
	if d.sql != nil {
		errs = append(errs, d.sql.Close())
	}
	if d.Pool != nil {
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			d.Pool.Close()
		}()
		select {
		case <-closed:
		case <-time.After(leaving):
			errs = append(errs, fmt.Errorf("close the pool: %d connections are still in use", d.Pool.Stat().AcquiredConns()))
		}
	}
	if d.private != nil {
		errs = append(errs, d.private.close())
	}
	return errors.Join(errs...)
}
