package pg_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	t.Run("sets up the session", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t, pgtest.Empty())
		for setting, want := range map[string]string{
			"application_name": "closeloop", "TimeZone": "UTC", "synchronous_commit": "on", "default_transaction_isolation": "read committed",
		} {
			var got string
			if err := db.Gorm.Raw("SELECT current_setting(?)", setting).Scan(&got).Error; err != nil || got != want {
				t.Errorf("%s is %q: %v", setting, got, err)
			}
		}
	})

	t.Run("makes commits wait for the disk", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t, pgtest.Empty())
		for given, want := range map[string]string{"off": "on", "local": "on", "remote_apply": "remote_apply"} {
			u, err := url.Parse(pgtest.URL(t, db))
			if err != nil {
				t.Fatal(err)
			}
			query := u.Query()
			query.Set("synchronous_commit", given)
			u.RawQuery = query.Encode()
			second, err := pg.Connect(t.Context(), u.String(), pg.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got string
			if err := second.Pool.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&got); err != nil || got != want {
				t.Errorf("%s became %s: %v", given, got, err)
			}
			second.Close()
		}
	})

	t.Run("returns times in UTC as they were written", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t, pgtest.Empty())
		now := db.Gorm.NowFunc()
		if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
			t.Errorf("now is %v", now)
		}
		var byGORM time.Time
		if err := db.Gorm.Raw("SELECT ?::timestamptz", now).Scan(&byGORM).Error; err != nil {
			t.Fatal(err)
		}
		var byPgx time.Time
		var many []time.Time
		if err := db.Pool.QueryRow(t.Context(), "SELECT $1::timestamptz, ARRAY[$1::timestamptz]", now).Scan(&byPgx, &many); err != nil {
			t.Fatal(err)
		}
		for _, got := range append(many, byGORM, byPgx) {
			if got != now { // equal in every field, including the zone
				t.Errorf("%v came back as %#v", now, got)
			}
		}
	})
}

func TestStatementLogShowsNoValues(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db := pgtest.New(t, pgtest.Empty(), pgtest.WithLog(log, time.Nanosecond))
	const secret = "Ms Private"
	if db.Gorm.Exec("SELECT ?::text::int", secret).Error == nil { // its message quotes the value
		t.Fatal("it did not fail")
	}
	var row, seen string
	for name, err := range map[string]error{
		"Exec": db.Gorm.Exec("SELECT 'Exec', ?::text", secret).Error,
		"Scan": db.Gorm.Raw("SELECT 'Scan' || ?::text", secret).Scan(&row).Error, // GORM's logger shows the values here
		"pgx":  db.Pool.QueryRow(t.Context(), "SELECT 'pgx', $1::text", secret).Scan(&row, &seen),
		"batch": db.Pool.SendBatch(t.Context(), &pgx.Batch{QueuedQueries: []*pgx.QueuedQuery{
			{SQL: "SELECT 'batch', $1::text", Arguments: []any{secret}}}}).Close(),
		"pipeline": db.Tx(t.Context(), func(tx *gorm.DB) error { // begins with BEGIN
			return pg.Pipelined(tx, func(p *pg.Pipeline) { p.Exec("", "SELECT 'pipeline', $1::text", secret) })
		}),
	} {
		if err != nil {
			t.Fatal(name, err)
		}
		if !strings.Contains(text.String(), "SELECT '"+name+"'") {
			t.Errorf("the statement of %s is not logged", name)
		}
	}
	if strings.Contains(text.String(), secret) || !strings.Contains(text.String(), "22P02") || !strings.Contains(text.String(), "slow statement") {
		t.Errorf("log:\n%s", &text)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	t.Run("explains a bad URL without the password", func(t *testing.T) {
		t.Parallel()
		closed, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := strings.TrimPrefix(closed.Addr().String(), "127.0.0.1:")
		closed.Close()
		const password = "s3cret"
		for given, want := range map[string]string{
			"mysql://app:s3cret@host/db":                                "it must begin with postgres://",
			"postgres://app:s3cret/x@host:5432/db":                      "in the password, write / as %2F",
			"postgres://app:x%s3cret@host:5432/db":                      "in the password, write / as %2F",
			"postgres://app:s3cret@host:port/db":                        "in the password, write / as %2F",
			"postgres://app:s3cret@127.0.0.1:" + port + "/db?sslmode=x": "sslmode",
			"postgres://app:s3cret@127.0.0.1/db?pool_max_conns=s3cret":  "DATABASE_URL: ",
			"app:s3cret": "is not of the form postgres://",
			"host=127.0.0.1 port=" + port + " password=s3cret user=app":             "127.0.0.1:" + port + " (database app, user app): connection refused",
			"postgres://app:s3cret@127.0.0.1:" + port + "/db":                       "127.0.0.1:" + port + " (database db, user app): connection refused",
			"postgres://app:s3cret@nowhere.invalid/db":                              "no such host",
			"postgres://app:s3cret@/db?host=/nowhere":                               "the socket in /nowhere (database db, user app): the socket does not exist",
			"postgres://app:s3cret@127.0.0.1:" + port + "/?application_name=s3cret": "connection refused",
		} {
			_, err := pg.Open(t.Context(), pg.Options{URL: given})
			switch {
			case err == nil:
				t.Errorf("%s: opened", given)
			case !strings.Contains(err.Error(), want):
				t.Errorf("%s: %v", given, err)
			case strings.Contains(err.Error(), password), strings.Contains(err.Error(), "\n"):
				t.Errorf("%s: the error shows the password or has several lines: %v", given, err)
			}
		}
	})

	t.Run("explains a missing database", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t, pgtest.Empty())
		u, err := url.Parse(pgtest.URL(t, db))
		if err != nil {
			t.Fatal(err)
		}
		u.Path = "/missing"
		var unusable *pg.Unusable
		if _, err := pg.Open(t.Context(), pg.Options{URL: u.String()}); !errors.As(err, &unusable) ||
			!strings.Contains(err.Error(), "(database missing, user ") || !strings.HasSuffix(err.Error(), "the database does not exist") {
			t.Errorf("error: %v", err)
		}
	})

	t.Run("refuses an old server", func(t *testing.T) {
		t.Parallel()
		for version, want := range map[string]string{
			"12.19 (Debian 12.19-1)": "needs PostgreSQL 13 or newer, but this server is 12.19",
			"9.6.24":                 "this server is 9.6.24",
			"13.0":                   "", "18beta1": "", "21": "",
		} {
			db, err := pg.Open(t.Context(), pg.Options{URL: fakeServer(t, version)})
			switch {
			case err == nil && want != "":
				t.Errorf("%s: opened", version)
			case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
				t.Errorf("%s: %v", version, err)
			}
			if err == nil {
				db.Close()
			}
		}
	})

	t.Run("explains a wrong password", func(t *testing.T) {
		t.Parallel()
		refusal := &pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "28P01", Message: "password authentication failed for s3cret"}
		_, err := pg.Open(t.Context(), pg.Options{URL: fakeServer(t, "", refusal)})
		if err == nil || !strings.HasSuffix(err.Error(), ": the password is wrong") {
			t.Errorf("error: %v", err)
		}
	})

	t.Run("waits for a starting server until the context ends", func(t *testing.T) {
		t.Parallel()
		starting := &pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "57P03", Message: "the database system is starting up"}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := pg.Open(ctx, pg.Options{URL: fakeServer(t, "", starting)})
		if err == nil || time.Since(began) < 250*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// fakeServer answers the handshake of one client after another as a PostgreSQL of the version would.
func fakeServer(t *testing.T, version string, first ...pgproto3.BackendMessage) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			handshake(conn, version, first)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return "postgres://app:s3cret@" + listener.Addr().String() + "/db?sslmode=disable"
}

func handshake(conn net.Conn, version string, first []pgproto3.BackendMessage) {
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	for _, message := range first {
		backend.Send(message)
	}
	if len(first) == 0 {
		backend.Send(&pgproto3.AuthenticationOk{})
		backend.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: version})
		backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	}
	if backend.Flush() != nil {
		return
	}
	for {
		message, err := backend.Receive()
		if err != nil {
			return
		}
		if _, ok := message.(*pgproto3.Query); ok {
			backend.Send(&pgproto3.EmptyQueryResponse{})
			backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			if backend.Flush() != nil {
				return
			}
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Empty())
	second, err := pg.Connect(t.Context(), pgtest.URL(t, db), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := second.Gorm.WithContext(t.Context()).Exec("SELECT 1").Error; err == nil {
		t.Error("a statement ran after Close")
	}
	if err := second.Tx(t.Context(), nil); err == nil {
		t.Error("a transaction began after Close")
	}
	if second.Pool.Stat().TotalConns() != 0 {
		t.Error("connections are open after Close")
	}
}
