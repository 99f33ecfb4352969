// Package pgtest gives each test a migrated PostgreSQL database of its own.
//
// The first test of a process starts a PostgreSQL in memory, with all durability off, and migrates
// one database; every test then gets a copy of it, in some 70 ms, and drops it when it ends. The
// server dies with the process. Where CLOSELOOP_TEST_DATABASE_URL names a PostgreSQL whose user may
// create databases, the copies are made there instead.
//
// It stands in for nothing: tests use the PostgreSQL that the program uses. A test that looks for
// leaked goroutines with goleak calls New first and passes goleak.IgnoreCurrent, for the process
// watches over its server until its end.
package pgtest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/pg"
)

// Option changes what New gives.
type Option func(*settings)

type settings struct {
	empty   bool
	options pg.Options
}

// WithTracer has the tracer see every statement on the database.
func WithTracer(tracer pgx.QueryTracer) Option {
	return func(s *settings) { s.options.Tracer = tracer }
}

// WithLog gets the log of slow and failed statements.
func WithLog(log *slog.Logger) Option {
	return func(s *settings) { s.options.Log = log }
}

// Empty leaves the migrations out.
func Empty() Option {
	return func(s *settings) { s.empty = true }
}

// New gives a database that nobody else uses. It is closed and dropped when the test has ended.
func New(t testing.TB, opts ...Option) *pg.DB {
	t.Helper()
	var s settings
	for _, opt := range opts {
		opt(&s)
	}
	from, err := shared()
	if err != nil {
		t.Fatalf("start a PostgreSQL for the tests: %v", err)
	}
	template := from.template
	if s.empty {
		template = "template0"
	}
	name := "closeloop_test_" + strings.ToLower(rand.Text())
	// Not the test's own context, which ends before its cleanups run.
	ctx := context.Background()
	if err := from.create(ctx, name, template); err != nil {
		t.Fatalf("create a database for the test: %v", err)
	}
	t.Cleanup(func() {
		late, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		if err := from.drop(late, name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	db, err := pg.Connect(ctx, from.url(name), s.options)
	if err != nil {
		t.Fatalf("connect to the test's database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the test's database: %v", err)
		}
	})
	return db
}

// URL is the connection string of the database, for a second pool or another process.
func URL(t testing.TB, db *pg.DB) string {
	t.Helper()
	return db.Pool.Config().ConnString()
}
