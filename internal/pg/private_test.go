package pg

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/closeloop/closeloop/internal/pgtest/scratch"
)

func folder(t *testing.T) string {
	t.Helper()
	return filepath.Join(scratch.Folder(t), "data")
}

func serving(at string) Options {
	return Options{DataDir: at, Command: "serve", Serve: true, throwaway: true}
}

func command(at, name string) Options {
	return Options{DataDir: at, Command: name, throwaway: true}
}

func open(t *testing.T, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec1(t *testing.T, db *DB, sql string) {
	t.Helper()
	if _, err := db.Pool.Exec(context.Background(), sql); err != nil {
		t.Fatal(err)
	}
}

// postmaster is the process id in postmaster.pid; 0 if the file is missing, as after a clean stop.
func postmaster(t *testing.T, at string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(at, "postgres", "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestPrivateServe(t *testing.T) {
	t.Parallel()
	t.Run("keeps its data after a stop", func(t *testing.T) {
		t.Parallel()
		o := serving(folder(t))
		o.throwaway = false
		first := open(t, o)
		exec1(t, first, "CREATE TABLE kept (word text)")
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if pid := postmaster(t, o.DataDir); pid != 0 {
			t.Errorf("PostgreSQL still runs: %d", pid)
		}
		exec1(t, open(t, o), "SELECT word FROM kept")
	})

	t.Run("refuses a second server at once and names the first", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		first := open(t, serving(at))
		// The second server must not wait for the first: the message differs after ownerTimeout, which
		// the context does not outlast.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		o := serving(at)
		o.ownerTimeout = time.Hour
		_, err := Open(ctx, o)
		want := "another closeloop serve (process " + strconv.Itoa(os.Getpid()) + ") uses the data folder " + at + " already: "
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error: %v; want %s", err, want)
		}
		exec1(t, first, "SELECT 1")
	})

	t.Run("waits for a command that ends", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		import1 := open(t, command(at, "import"))
		exec1(t, import1, "CREATE TABLE imported (id int)")
		waiting := make(chan struct{})
		served := make(chan error, 1)
		go func() {
			o := serving(at)
			o.ownerTimeout = time.Minute
			close(waiting)
			db, err := Open(context.Background(), o)
			if err == nil {
				_, err = db.Pool.Exec(context.Background(), "SELECT FROM imported")
				err = errors.Join(err, db.Close())
			}
			served <- err
		}()
		<-waiting
		if err := import1.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})

	t.Run("waits for a server that is stopping", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		o := serving(at)
		waiting := make(chan struct{})
		o.Log = slog.New(stopNoticed{Handler: slog.DiscardHandler, once: new(sync.Once), waiting: waiting})
		first := open(t, o)
		joined := open(t, command(at, "import"))
		closed := make(chan error, 1)
		go func() { closed <- first.Close() }()
		<-waiting

		late, cancel := context.WithTimeout(t.Context(), 4*pollInterval)
		defer cancel()
		if _, err := Open(late, serving(at)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it did not wait: %v", err)
		}
		if err := errors.Join(joined.Close(), <-closed); err != nil {
			t.Fatal(err)
		}
		exec1(t, open(t, serving(at)), "SELECT 1")
	})

	t.Run("gives up on a command that goes on and names it", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		open(t, command(at, "import"))
		o := serving(at)
		o.ownerTimeout = 3 * pollInterval
		_, err := Open(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "closeloop import (process "+strconv.Itoa(os.Getpid())+") is using the data folder "+at) {
			t.Errorf("error: %v", err)
		}
	})

	t.Run("frees the folder when opening fails", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Open(ended, serving(at)); !errors.Is(err, context.Canceled) {
			t.Errorf("error: %v", err)
		}
		exec1(t, open(t, serving(at)), "SELECT 1")
	})
}

// The test is not parallel, because it would take the goroutines of other tests for its own.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := goleak.IgnoreCurrent()
	at := folder(t)
	owner := open(t, serving(at))
	joined := open(t, command(at, "import"))
	for _, db := range []*DB{joined, owner} {
		exec1(t, db, "SELECT 1")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

func TestPrivateCommand(t *testing.T) {
	t.Parallel()
	t.Run("joins a running server and leaves it running", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		serve := open(t, serving(at))
		pid := postmaster(t, at)
		joined := open(t, command(at, "import"))
		exec1(t, joined, "CREATE TABLE imported (id int)")
		if err := joined.Close(); err != nil {
			t.Fatal(err)
		}
		exec1(t, serve, "SELECT FROM imported")
		if postmaster(t, at) != pid {
			t.Error("the command stopped the server's PostgreSQL")
		}
	})

	t.Run("shares PostgreSQL with other commands and the last stops it", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		var commands sync.WaitGroup
		for i := range 3 {
			commands.Go(func() {
				for range 2 {
					db, err := Open(context.Background(), command(at, "import "+strconv.Itoa(i)))
					if err != nil {
						t.Error(err)
						return
					}
					for range 20 {
						if _, err := db.Pool.Exec(context.Background(), "SELECT 1"); err != nil {
							t.Error(err)
						}
					}
					if err := db.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		commands.Wait()
		if pid := postmaster(t, at); pid != 0 {
			t.Errorf("PostgreSQL still runs: %d", pid)
		}
	})

	t.Run("waits for its joiners when it ends and accepts no new ones", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		o := command(at, "token create")
		waiting := make(chan struct{})
		o.Log = slog.New(stopNoticed{Handler: slog.DiscardHandler, once: new(sync.Once), waiting: waiting})
		owner := open(t, o)
		joined := open(t, command(at, "import"))

		closed := make(chan error, 1)
		go func() { closed <- owner.Close() }()
		<-waiting
		exec1(t, joined, "CREATE TABLE imported (id int)")

		late, cancel := context.WithTimeout(t.Context(), 4*pollInterval)
		defer cancel()
		if _, err := Open(late, command(at, "migrate")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a command joined an owner that is stopping: %v", err)
		}
		select {
		case err := <-closed:
			t.Errorf("the owner did not wait: %v", err)
		default:
		}
		if err := joined.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		exec1(t, open(t, command(at, "migrate")), "SELECT FROM imported")
	})
}

// stopNoticed closes waiting when an owner logs that it waits for its joiners.
type stopNoticed struct {
	slog.Handler
	once    *sync.Once
	waiting chan struct{}
}

func (s stopNoticed) Enabled(context.Context, slog.Level) bool { return true }
func (s stopNoticed) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "waiting for other commands") {
		s.once.Do(func() { close(s.waiting) })
	}
	return nil
}
