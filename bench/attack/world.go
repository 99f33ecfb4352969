package main

import (
	"context"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/bench/program"
	"github.com/closeloop/closeloop/bench/year"
	"github.com/closeloop/closeloop/internal/pg/cluster"
	"github.com/closeloop/closeloop/model"
)

// world is the program on a copy of the generated data.
type world struct {
	cluster *cluster.Cluster
	server  *program.Server
	url     string
	users   map[string]string // ids by role
}

// openWorld fills the data where the folder has none, and starts the program on a copy of it, so that each run begins
// with the same data. PostgreSQL preloads a module, unless that is "". Settings are those of the program.
func openWorld(ctx context.Context, parent string, module string, settings ...string) *world {
	check(os.MkdirAll(parent, 0o755)) //nolint:gosec // PostgreSQL runs as another user, which must have access
	check(os.Chmod(parent, 0o755))    //nolint:gosec
	options := cluster.Options{Folder: filepath.Join(parent, "data"), Log: slog.New(slog.DiscardHandler)}
	c, err := cluster.Start(ctx, options)
	check(err)
	if loaded := preloaded(ctx, c.URL("postgres")); loaded != module {
		preload := "ALTER SYSTEM RESET shared_preload_libraries" // PostgreSQL does not start with an empty name
		if module != "" {
			preload = "ALTER SYSTEM SET shared_preload_libraries = '" + module + "'"
		}
		execute(ctx, c.URL("postgres"), preload)
		check(c.Stop())
		c, err = cluster.Start(ctx, options)
		check(err)
	}
	w := &world{cluster: c, url: c.URL("attacked"), users: map[string]string{}}
	w.fill(ctx, parent)
	execute(ctx, c.URL("postgres"), "DROP DATABASE IF EXISTS attacked WITH (FORCE)", "CREATE DATABASE attacked TEMPLATE filled", "CHECKPOINT") // else the copy is written while others are measured
	url := w.url
	if module == "pg_stat_statements" {
		url += "&options=-c%20pg_stat_statements.track_planning%3Don"
	}
	w.server = program.Start(*binary, url, settings...)
	return w
}

func preloaded(ctx context.Context, url string) (module string) {
	conn, err := pgx.Connect(ctx, url)
	check(err)
	defer conn.Close(ctx)
	check(conn.QueryRow(ctx, "SHOW shared_preload_libraries").Scan(&module))
	return module
}

// fill generates the data, unless a database of it exists, whose name tells that it is complete.
func (w *world) fill(ctx context.Context, parent string) {
	admin, err := pgx.Connect(ctx, w.cluster.URL("postgres"))
	check(err)
	defer admin.Close(ctx)
	var filled bool
	check(admin.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'filled')").Scan(&filled))
	if filled {
		return
	}
	execute(ctx, w.cluster.URL("postgres"), "DROP DATABASE IF EXISTS filling WITH (FORCE)", "CREATE DATABASE filling")
	url := w.cluster.URL("filling")
	year.Make(ctx, *binary, url, parent, *responses, time.Now().UTC().Truncate(time.Microsecond), year.Thorough)
	execute(ctx, w.cluster.URL("postgres"), "ALTER DATABASE filling RENAME TO filled")
}

// awaitPositions waits until all events have their positions, which the server begins to give when it starts.
func awaitPositions(ctx context.Context, url string) {
	conn, err := pgx.Connect(ctx, url)
	check(err)
	defer conn.Close(ctx)
	for some := true; some; time.Sleep(100 * time.Millisecond) {
		check(conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM case_events WHERE position IS NULL)").Scan(&some))
	}
}

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

func (w *world) close() {
	w.server.Stop()
	check(w.cluster.Stop())
}

// token makes a token with a full bucket, of the one user of the role.
func (w *world) token(role string) string {
	if w.users[role] == "" {
		w.users[role] = program.Get[struct {
			CreateUser struct{ User struct{ ID string } }
		}](w.server, `mutation ($u: CreateUserInput!) {createUser(input: $u) {user {id}}}`,
			program.Vars{"u": program.Vars{"name": "The " + role, "email": strings.ToLower(role) + "@bench.example.com", "role": role}}).CreateUser.User.ID
	}
	return program.Get[struct{ CreateApiToken struct{ Secret string } }](w.server, `mutation ($t: CreateApiTokenInput!) {createApiToken(input: $t) {secret}}`,
		program.Vars{"t": program.Vars{"userId": w.users[role], "name": "bench"}}).CreateApiToken.Secret
}

// facts are what attacks need to know of the data.
type facts struct {
	cases, customers, responses, users []string // ids
	begin                              string   // cursor of the first event
}

func (w *world) facts(ctx context.Context) *facts {
	conn, err := pgx.Connect(ctx, w.url)
	check(err)
	defer conn.Close(ctx)
	f := &facts{begin: program.Get[struct {
		CaseEvents struct{ PageInfo struct{ EndCursor string } }
	}](w.server, `{caseEvents(first: 1) {pageInfo {endCursor}}}`, nil).CaseEvents.PageInfo.EndCursor}
	f.cases = ids[model.CaseID](ctx, conn, "SELECT id FROM cases WHERE status <> 'CLOSED' ORDER BY opened_at DESC LIMIT 500")
	f.cases = append(f.cases, ids[model.CaseID](ctx, conn, "SELECT id FROM cases WHERE status = 'CLOSED' ORDER BY version DESC, id LIMIT 500")...)
	f.customers = ids[model.CustomerID](ctx, conn, "SELECT customer_id FROM responses GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 100")
	f.responses = ids[model.ResponseID](ctx, conn, "SELECT id FROM responses ORDER BY responded_at DESC LIMIT 100")
	f.users = ids[model.UserID](ctx, conn, "SELECT id FROM users WHERE role = 'AGENT' AND active ORDER BY email_fold LIMIT 30")
	return f
}

// ids reads the ids that the API has for rows.
func ids[ID interface{ String() string }](ctx context.Context, conn *pgx.Conn, sql string) (all []string) {
	rows, err := conn.Query(ctx, sql)
	check(err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[ID])
	check(err)
	for _, id := range list {
		all = append(all, id.String())
	}
	return all
}
