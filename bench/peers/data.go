package main

import (
	"context"
	_ "embed"
	"fmt"
	"log"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/bench/program"
	"github.com/closeloop/closeloop/bench/year"
	"github.com/closeloop/closeloop/internal/pg/cluster"
)

//go:embed plain.sql
var plain string

// data is the database that all peers use.
type data struct {
	cluster *cluster.Cluster
	folder  string
	name    string
}

// openData starts the private PostgreSQL, and fills a database unless the folder has one of so many responses with the
// tables that this program makes. Programs with other tables have databases of their own in the same folder.
func openData(ctx context.Context, parent string) *data {
	check(os.MkdirAll(parent, 0o755)) //nolint:gosec // PostgreSQL runs as another user, which must have access
	check(os.Chmod(parent, 0o755))    //nolint:gosec
	d := &data{folder: filepath.Join(parent, "data")}
	d.start(ctx)
	if !strings.Contains(one[string](ctx, d.admin(), "SHOW shared_preload_libraries"), "pg_stat_statements") {
		execute(ctx, d.admin(), "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
		check(d.cluster.Stop())
		d.start(ctx)
	}
	d.name = fmt.Sprintf("peers_%d_%.12s", *responses, d.tablesOfProgram(ctx))
	if !one[bool](ctx, d.admin(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", d.name) {
		d.fill(ctx, parent)
	}
	for _, extension := range []string{"pg_stat_statements", "pg_walinspect"} {
		execute(ctx, d.admin(), "CREATE EXTENSION IF NOT EXISTS "+extension)
	}
	for _, role := range []string{pgxRole, postgraphileRole, pgbenchRole} {
		if !one[bool](ctx, d.admin(), "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role) {
			execute(ctx, d.admin(), "CREATE ROLE "+role+" LOGIN SUPERUSER")
		}
		// Parallel workers make one request faster and all together slower. Who writes a server by hand would see that.
		execute(ctx, d.admin(), "ALTER ROLE "+role+" SET max_parallel_workers_per_gather = 0")
	}
	return d
}

func (d *data) start(ctx context.Context) {
	var err error
	d.cluster, err = cluster.Start(ctx, cluster.Options{Folder: d.folder, Log: slog.New(slog.DiscardHandler)})
	check(err)
}

// admin returns the connection string of another database than that which is measured.
func (d *data) admin() string { return d.cluster.URL("postgres") }

// url returns the connection string of the database for a role.
func (d *data) url(role string) string {
	u, err := url.Parse(d.cluster.URL(d.name))
	check(err)
	u.User = url.User(role)
	return u.String()
}

// tablesOfProgram returns a digest of the tables, indexes, constraints and functions that the program makes: data of
// another build may have others.
func (d *data) tablesOfProgram(ctx context.Context) string {
	const blank = "blank"
	execute(ctx, d.admin(), "DROP DATABASE IF EXISTS "+blank+" WITH (FORCE)", "CREATE DATABASE "+blank)
	program.Start(*binary, d.cluster.URL(blank)).Stop()
	digest := one[string](ctx, d.cluster.URL(blank), `SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (
		SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, column_default, is_nullable) FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL SELECT prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace) AS all_of_them (line)`)
	execute(ctx, d.admin(), "DROP DATABASE "+blank+" WITH (FORCE)")
	return digest
}

// fill makes the database: a year of responses, and the tables that the peers write. Its name tells that it is complete.
func (d *data) fill(ctx context.Context, parent string) {
	log.Printf("fills the database with %d responses, which takes a while", *responses)
	const filling = "filling"
	execute(ctx, d.admin(), "DROP DATABASE IF EXISTS "+filling+" WITH (FORCE)", "CREATE DATABASE "+filling)
	url := d.cluster.URL(filling)
	year.Make(ctx, *binary, url, parent, *responses, time.Now().UTC().Truncate(time.Microsecond), year.Usual)
	execute(ctx, url, plain, "VACUUM ANALYZE")
	execute(ctx, d.admin(), "ALTER DATABASE "+filling+" RENAME TO "+d.name)
}

func (d *data) close() { check(d.cluster.Stop()) }

func execute(ctx context.Context, url string, statements ...string) {
	conn, err := pgx.Connect(ctx, url)
	check(err)
	defer conn.Close(ctx)
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			log.Panicf("%s: %v", sql, err)
		}
	}
}

// one returns the one value of a statement's one row.
func one[T any](ctx context.Context, url, sql string, arguments ...any) (value T) {
	conn, err := pgx.Connect(ctx, url)
	check(err)
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, sql, arguments...).Scan(&value); err != nil {
		log.Panicf("%s: %v", sql, err)
	}
	return value
}
