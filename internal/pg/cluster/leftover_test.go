//go:build unix

package cluster

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestRestart(t *testing.T) {
	t.Parallel()
	t.Run("follows the death of the server", func(t *testing.T) {
		t.Parallel()
		var log bytes.Buffer
		back := make(chan struct{})
		c := start(t, Options{
			Folder: folder(t), Log: slog.New(slog.NewTextHandler(&log, nil)), Restarted: func() { close(back) },
		})
		killed := postmaster(c.data())
		if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-back
		if query(t, c, "SELECT 'yes'") != "yes" || postmaster(c.data()) == killed {
			t.Error("no new server answers")
		}
		if err := c.Stop(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "ended unexpectedly") || !strings.Contains(log.String(), "answers again") {
			t.Errorf("the log does not report the restart:\n%s", &log)
		}
	})

	t.Run("follows a death that children outlive", func(t *testing.T) {
		t.Parallel()
		back := make(chan struct{})
		c := start(t, Options{Folder: folder(t), Restarted: func() { close(back) }})
		conn, err := pgx.Connect(context.Background(), c.URL(Database))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		// A backend does not check for its postmaster while it computes.
		busy := make(chan error, 1)
		go func() {
			_, err := conn.Exec(context.Background(), "SELECT count(*) FROM generate_series(1, 1000000000) a")
			busy <- err
		}()
		waitFor(t, func() bool {
			return query(t, c, "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%generate_series(1, 10%' AND pid <> pg_backend_pid()") == "1"
		})
		if err := syscall.Kill(postmaster(c.data()), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-back
		if err := <-busy; err == nil {
			t.Error("the statement of the killed server succeeded")
		}
	})
}

func TestStopWhileDown(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Folder: folder(t)})
	if err := syscall.Kill(postmaster(c.data()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if pid := postmaster(c.data()); pid != 0 && alive(pid) {
		t.Error("a server runs after Stop")
	}
}

func TestHalt(t *testing.T) {
	t.Parallel()
	t.Run("stops an orphaned server", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		c := start(t, Options{Folder: at})
		orphan := postmaster(c.data())
		// A second owner would do this after the first was killed. Here the first owner's supervisor
		// restarts its server afterwards; the cleanup of the test stops that server.
		if err := Halt(context.Background(), at, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if alive(orphan) {
			t.Error("the orphan still runs")
		}
	})

	t.Run("ignores a reused process id", func(t *testing.T) {
		t.Parallel()
		zombie := exec.Command("true")
		if err := zombie.Start(); err != nil {
			t.Fatal(err)
		}
		defer zombie.Wait()
		waitFor(t, func() bool { return !alive(zombie.Process.Pid) })
		stranger := exec.Command("cat")
		in, err := stranger.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := stranger.Start(); err != nil {
			t.Fatal(err)
		}
		defer stranger.Wait()
		defer in.Close()

		at := folder(t)
		for name, pid := range map[string]int{"zombie": zombie.Process.Pid, "stranger": stranger.Process.Pid} {
			c := start(t, Options{Folder: at})
			left, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Stop(); err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(left), "\n")
			if err := os.WriteFile(filepath.Join(c.data(), "postmaster.pid"), []byte(strconv.Itoa(pid)+"\n"+rest), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := c.account.own(filepath.Join(c.data(), "postmaster.pid")); err != nil {
				t.Fatal(err)
			}
			again := start(t, Options{Folder: at})
			if query(t, again, "SELECT 'yes'") != "yes" {
				t.Errorf("%s: no answer", name)
			}
			if err := again.Stop(); err != nil {
				t.Fatal(err)
			}
		}
		if !alive(stranger.Process.Pid) {
			t.Error("a stranger was killed")
		}
	})
}

// waitFor waits for a change in another process, which sends the test no signal. The deadline only
// keeps a broken test from hanging.
func waitFor(t *testing.T, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within a minute")
		}
	}
}
