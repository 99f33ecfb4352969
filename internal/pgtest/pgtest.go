// Package pgtest gives each test a migrated PostgreSQL database of its own.
//
// The first test of a process starts a PostgreSQL in memory, with all durability off, and migrates
// one database. Every test then gets a copy of this database, in about 70 ms, which is dropped when
// the test ends. The server ends with the process. Where CLOSELOOP_TEST_DATABASE_URL names a
// PostgreSQL whose user may create databases, the package creates the copies there instead.
//
// The package fakes nothing: tests use the same PostgreSQL as the program. A test that looks for
// leaked goroutines with goleak must call New first and pass goleak.IgnoreCurrent, because a
// goroutine supervises the server until the process ends.
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

// Option changes the database that New creates.
type Option func(*settings)

type settings struct {
	empty   bool
	options pg.Options
}

// WithTracer passes every statement on the database to the tracer.
func WithTracer(tracer pgx.QueryTracer) Option {
	return func(s *settings) { s.options.Tracer = tracer }
}

// WithLog writes failed statements to the log, and those that take slowAfter or longer; 0 is one second.
func WithLog(log *slog.Logger, slowAfter time.Duration) Option {
	return func(s *settings) { s.options.Log, s.options.SlowAfter = log, slowAfter }
}

// WithLimits bounds what a caller of the API can take, on the fewest connections that there can be.
func WithLimits(limits pg.Limits) Option {
	return func(s *settings) { s.options.MaxConns, s.options.Limits = 1, limits }
}

// Empty creates the database without the migrations.
func Empty() Option {
	return func(s *settings) { s.empty = true }
}

// New creates a database for this test alone. The database is closed and dropped when the test
// ends.
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
	// The test's own context would end before the cleanups run.
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

// URL returns the connection string of the database, for a second pool or another process.
func URL(t testing.TB, db *pg.DB) string {
	t.Helper()
	return db.Pool.Config().ConnString()
}
