package pgtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	neturl "net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pg/cluster"
	"github.com/closeloop/closeloop/internal/pg/flock"
	"github.com/closeloop/closeloop/migrations"
)

// server is where this process's test databases are made.
type server struct {
	admin    *pgxpool.Pool // on the database whose URL all others' are made from
	url      func(database string) string
	template string
	lock     *flock.Lock // on a throwaway server's folder; held until the process ends
}

// shared is the one state of the package: a server for all tests of the process, started by the
// first that needs it.
var shared = sync.OnceValues(func() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if given := os.Getenv("CLOSELOOP_TEST_DATABASE_URL"); given != "" {
		return onGiven(ctx, given)
	}
	return onThrowaway(ctx)
})

// onThrowaway starts a server that ends with the process.
func onThrowaway(ctx context.Context) (*server, error) {
	folder, lock, err := ownFolder(ctx)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c, err := cluster.Start(ctx, cluster.Options{Folder: folder, Log: log, Throwaway: true})
	if err != nil {
		return nil, err
	}
	s := &server{url: c.URL, template: "closeloop_template", lock: lock}
	if s.admin, err = administer(ctx, c.URL("postgres")); err != nil {
		return nil, err
	}
	return s, s.build(ctx, s.template)
}

// onGiven uses a server that others may use at the same time. Its template is kept for the next
// run, under a name that changes with the migrations.
func onGiven(ctx context.Context, given string) (*server, error) {
	base, err := neturl.Parse(given)
	if err != nil || base.Scheme != "postgres" && base.Scheme != "postgresql" {
		return nil, errors.New("CLOSELOOP_TEST_DATABASE_URL is not of the form postgres://user:password@host:port/database")
	}
	fingerprint, err := migrations.Fingerprint()
	if err != nil {
		return nil, err
	}
	s := &server{template: "closeloop_template_" + fingerprint}
	s.url = func(database string) string {
		u := *base
		u.Path = "/" + database
		return u.String()
	}
	if s.admin, err = administer(ctx, given); err != nil {
		return nil, err
	}
	// Test processes run side by side: one builds, the others wait. The lock goes with the
	// connection.
	conn, err := pgx.Connect(ctx, given)
	if err != nil {
		return nil, errors.New("CLOSELOOP_TEST_DATABASE_URL names a server that does not answer")
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", s.template); err != nil {
		return nil, fmt.Errorf("lock the template: %w", err)
	}
	var built bool
	err = conn.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_database WHERE datname = $1", s.template).Scan(&built)
	if err != nil || built {
		return s, err
	}
	// A half-built template of a killed process has another name.
	half := s.template + "_new"
	if err := s.drop(ctx, half); err != nil {
		return nil, err
	}
	if err := s.build(ctx, half); err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+half+" RENAME TO "+s.template)
	return s, err
}

func administer(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("CLOSELOOP_TEST_DATABASE_URL cannot be read")
	}
	config.MaxConns = 4
	return pgxpool.NewWithConfig(ctx, config)
}

// build makes a migrated database.
func (s *server) build(ctx context.Context, name string) error {
	if err := s.create(ctx, name, "template0"); err != nil {
		return err
	}
	db, err := pg.Connect(ctx, s.url(name), pg.Options{})
	if err != nil {
		return err
	}
	return errors.Join(migrations.Apply(ctx, db.Pool), db.Close())
}

// create copies the template. A connection to it that is just ending makes PostgreSQL refuse.
func (s *server) create(ctx context.Context, name, template string) error {
	sql := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize() + " TEMPLATE " + pgx.Identifier{template}.Sanitize()
	for try := 1; ; try++ {
		_, err := s.admin.Exec(ctx, sql)
		var refused *pgconn.PgError
		busy := errors.As(err, &refused) && refused.Code == "55006" // object_in_use
		if !busy || try == 5 {
			return err
		}
	}
}

func (s *server) drop(ctx context.Context, name string) error {
	_, err := s.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{strings.ToLower(name)}.Sanitize()+" WITH (FORCE)")
	return err
}
