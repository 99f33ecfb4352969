// Package pg opens PostgreSQL: the one of DATABASE_URL, or a private one that it starts itself. It
// owns the pools, the transaction and its retries, the SQL idioms that several packages share, and
// the locks on a private PostgreSQL's folder.
//
// It refuses to know any table, to migrate (package migrations does), to show a password or a
// statement's values in an error or a log, and to let two servers work on one data folder.
package pg

import (
	"cmp"
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

	"github.com/closeloop/closeloop/internal/pg/fair"
)

// Options choose the PostgreSQL to open, and describe the caller.
type Options struct {
	// URL is the connection string of a running PostgreSQL (DATABASE_URL). Empty: a private one.
	URL string
	// DataDir is the folder of the private PostgreSQL.
	DataDir string
	// Command is the running command, such as "serve" or "import". Other processes that want the
	// folder show it in their messages.
	Command string
	// Serve is set by the server, which must own the private PostgreSQL; a command may share that of
	// a server or of another command.
	Serve bool
	// Log receives the life of the private PostgreSQL, and slow statements. Nil: no log.
	Log *slog.Logger
	// SlowAfter is the duration from which a statement is logged; 0 is one second.
	SlowAfter time.Duration
	// MaxConns bounds the connections of the lane Writes, and the other lanes follow from it; 0 is the
	// URL's pool_max_conns, or without it a number that fits the processors. Fewer than 4 become 4: a
	// migration uses two connections.
	MaxConns int32
	// Limits bound what one caller of the API can take.
	Limits Limits
	// WarmUp is a statement that each new connection for callers runs first, so that PostgreSQL has read what it needs to know
	// of the tables before a caller waits for it. It may fail, as before the first migration. Empty: none.
	WarmUp string
	// Tracer receives every statement. It may be nil.
	Tracer pgx.QueryTracer

	ownerTimeout time.Duration // how long a server waits for a command that owns the folder; 0 is 10 s
	throwaway    bool          // for tests: no durability, so that they need not wait for the disk
}

// Limits bound what the statements of one caller can take. A zero value is the default.
type Limits struct {
	// Share is the part of the connections for lists, for writes, and for reports, that a caller can use at a time, in
	// percent, but one connection at least; 0 is 50.
	Share int
	// Wait is how long a statement may wait for a connection; 0 is 15 s.
	Wait time.Duration
	// List and Report are how long one statement of a list or a report may run; 0 is 5 s and 10 s.
	List, Report time.Duration
	// Write is how long one transaction of a caller may take; 0 is 30 s.
	Write time.Duration
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Share: cmp.Or(l.Share, 50), Wait: cmp.Or(l.Wait, 15*time.Second),
		List: cmp.Or(l.List, 5*time.Second), Report: cmp.Or(l.Report, 10*time.Second), Write: cmp.Or(l.Write, 30*time.Second),
	}
}

// DB is an open PostgreSQL, by the connections of one lane. Pool and Gorm share them.
type DB struct {
	Pool *pgxpool.Pool // its statements have no part in the shares of callers
	Gorm *gorm.DB

	sql    *sql.DB
	writes *DB           // takes the place of this one for transactions; nil where there is no other
	write  time.Duration // how long a transaction of a caller may take; 0: no limit
	lanes  *[lanes]*DB   // the same for all lanes
	*life
}

// life is the part of a DB that all its lanes share.
type life struct {
	private *private // nil for a PostgreSQL of DATABASE_URL
	heavy   *fair.Gate
	once    sync.Once
	closed  error
}

// closeTimeout is how long Close waits for connections in use.
const closeTimeout = 10 * time.Second

// Open opens the PostgreSQL of the URL, or, without a URL, the private one: it starts it, or joins
// the one that another closeloop runs on the same folder. ctx limits only the opening. An error is
// one line for people.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.URL != "" {
		return Connect(ctx, o.URL, o)
	}
	return openPrivate(ctx, o)
}

// Close closes all lanes and, if this process owns the private PostgreSQL, stops it after the
// commands that joined have ended. It waits ten seconds for connections that are in use, and cuts
// them after that, because a server that cannot stop is worse. Further calls have no effect.
func (d *DB) Close() error {
	d.once.Do(func() { d.closed = d.close() })
	return d.closed
}

func (d *DB) close() error {
	var errs []error
	closed := make(chan struct{})
	var pools sync.WaitGroup
	for _, lane := range d.lanes {
		if lane != nil { // nil where opening the lanes failed
			errs = append(errs, lane.sql.Close())
			pools.Go(lane.Pool.Close)
		}
	}
	go func() {
		defer close(closed)
		pools.Wait()
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
		var used int32
		for _, lane := range d.lanes {
			used += lane.Pool.Stat().AcquiredConns()
		}
		errs = append(errs, fmt.Errorf("close the pools: %d connections are still in use", used))
	}
	if d.private != nil {
		errs = append(errs, d.private.close())
	}
	return errors.Join(errs...)
}

// reset drops the connections of all lanes as soon as they are idle.
func (d *DB) reset() {
	for _, lane := range d.lanes {
		lane.Pool.Reset()
	}
}
