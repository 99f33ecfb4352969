//go:build unix

package cluster

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/pgtest/scratch"
)

func folder(t *testing.T) string {
	t.Helper()
	return filepath.Join(scratch.Folder(t), "data")
}

func start(t *testing.T, o Options) *Cluster {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Throwaway = true
	c, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func query(t *testing.T, c *Cluster, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), c.URL(Database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var answer string
	if err := conn.QueryRow(context.Background(), sql).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestStart(t *testing.T) {
	t.Parallel()
	t.Run("creates data that survives a stop", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		c := start(t, Options{Folder: at})
		if got := query(t, c, "SELECT datcollate || ' ' || pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"); got != "C.UTF-8 UTF8" {
			t.Errorf("locale and encoding: %s", got)
		}
		if got := query(t, c, "SELECT current_user || ' ' || current_setting('is_superuser') || current_setting('listen_addresses')"); got != "closeloop on" {
			t.Errorf("role and addresses: %q", got)
		}
		conn, err := pgx.Connect(context.Background(), c.URL(Database))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(context.Background(), "CREATE TABLE kept AS SELECT 'still here'::text AS word"); err != nil {
			t.Fatal(err)
		}
		pid := postmaster(c.data())
		// Stop closes open connections, so that a client cannot delay it.
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
		if alive(pid) {
			t.Error("the postmaster still runs after Stop")
		}
		if again := start(t, Options{Folder: at}); query(t, again, "SELECT word FROM kept") != "still here" {
			t.Error("the data is gone")
		}
	})

	t.Run("uses a short socket for a long or odd path", func(t *testing.T) {
		t.Parallel()
		for _, odd := range []string{strings.Repeat("long", 30), `a b,c"d`, "ä"} {
			at := filepath.Join(filepath.Dir(folder(t)), odd)
			c := start(t, Options{Folder: at})
			if len(socketFile(c.Socket())) > socketPathMax || query(t, c, "SELECT 'yes'") != "yes" {
				t.Errorf("%s: socket %s", odd, c.Socket())
			}
			if kept, err := socketFolder(at, c.account); err != nil || kept != c.Socket() {
				t.Errorf("%s: a second folder for the socket was created: %s, %v", odd, kept, err)
			}
			if err := c.Stop(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(c.Socket()); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: the short folder is left behind", odd)
			}
		}
	})

	t.Run("does not replace other files", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		if err := os.MkdirAll(filepath.Join(at, "postgres"), 0o755); err != nil {
			t.Fatal(err)
		}
		precious := filepath.Join(at, "postgres", "thesis.txt")
		if err := os.WriteFile(precious, []byte("words"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Start(context.Background(), Options{Folder: at, Log: slog.New(slog.DiscardHandler), Throwaway: true})
		if err == nil || !strings.Contains(err.Error(), "PostgreSQL did not create it") {
			t.Errorf("error: %v", err)
		}
		if _, err := os.Stat(precious); err != nil {
			t.Error(err)
		}
	})

	t.Run("reports the reason of a failed start", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		c := start(t, Options{Folder: at})
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
		conf := filepath.Join(c.data(), "postgresql.conf")
		text, err := os.ReadFile(conf)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(conf, append(text, "\nwork_mem = 'plenty'\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = Start(context.Background(), Options{Folder: at, Log: slog.New(slog.DiscardHandler), Throwaway: true})
		if err == nil || !strings.Contains(err.Error(), "contains errors") || strings.Contains(err.Error(), "\n") {
			t.Errorf("error: %v", err)
		}
	})

	t.Run("leaves nothing running when it is cancelled", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		c := start(t, Options{Folder: at})
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := Start(ctx, Options{Folder: at, Log: slog.New(slog.DiscardHandler), Throwaway: true}); !errors.Is(err, context.Canceled) {
			t.Errorf("error: %v", err)
		}
		if left := workersIn(c.account, c.data()); len(left) > 0 {
			t.Errorf("processes still run: %v", left)
		}
	})
}
