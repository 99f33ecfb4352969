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

// server is the PostgreSQL on which this process creates its test databases.
type server struct {
	admin    *pgxpool.Pool // connects to the maintenance database, to create and drop others
	url      func(database string) string
	template string
	lock     *flock.Lock // on a throwaway server's folder, kept until the process ends
}

// shared is the only state of the package: a server for all tests of the process, started by the
// first test that needs it.
var shared = sync.OnceValues(func() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if given := os.Getenv("CLOSELOOP_TEST_DATABASE_URL"); given != "" {
		return useServer(ctx, given)
	}
	return startThrowaway(ctx)
})

// startThrowaway starts a server that ends with this process.
func startThrowaway(ctx context.Context) (*server, error) {
	folder, lock, err := createFolder(ctx)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c, err := cluster.Start(ctx, cluster.Options{Folder: folder, Log: log, Throwaway: true})
	if err != nil {
		return nil, err
	}
	s := &server{url: c.URL, template: "closeloop_template", lock: lock}
	if s.admin, err = connectAdmin(ctx, c.URL("postgres")); err != nil {
		return nil, err
	}
	return s, s.build(ctx, s.template)
}

// useServer uses a server that other processes may use at the same time. The template stays for
// the next run, under a name that changes with the migrations.
func useServer(ctx context.Context, given string) (*server, error) {
	base, err := neturl.Parse(given)
	if err != nil || base.Scheme != "postgres" && base.Scheme != "postgresql" {
		return nil, errors.New("CLOSELOOP_TEST_DATABASE_URL must have the form postgres://user:password@host:port/database")
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
	if s.admin, err = connectAdmin(ctx, given); err != nil {
		return nil, err
	}
	// Of several test processes, one builds the template and the others wait. The lock ends with
	// the connection.
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
	// The template has another name while it is built, so that the remains of a killed process are
	// not taken for a template.
	unfinished := s.template + "_new"
	if err := s.drop(ctx, unfinished); err != nil {
		return nil, err
	}
	if err := s.build(ctx, unfinished); err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+unfinished+" RENAME TO "+s.template)
	return s, err
}

func connectAdmin(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("CLOSELOOP_TEST_DATABASE_URL cannot be read")
	}
	config.MaxConns = 4
	return pgxpool.NewWithConfig(ctx, config)
}

// build creates a migrated database.
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

// create copies the template. It retries, because PostgreSQL refuses while a connection to the
// template is just closing.
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
