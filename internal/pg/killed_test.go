package pg

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPrivateAfterKill(t *testing.T) {
	t.Parallel()
	t.Run("queries work again after PostgreSQL was killed", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		db := open(t, serving(at))
		exec1(t, db, "CREATE TABLE kept (id int)")
		killed := postmaster(t, at)
		if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); ; {
			_, err := db.Pool.Exec(t.Context(), "INSERT INTO kept VALUES (1)")
			if err == nil && postmaster(t, at) != killed {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("still %v", err)
			}
		}
		// GORM works too, without an error for each connection that the pool had.
		if err := db.Gorm.Exec("SELECT FROM kept").Error; err != nil {
			t.Error(err)
		}
	})

	t.Run("the next server takes over from a killed owner", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		owner := exec.Command(os.Args[0], "-test.run=^TestChildHoldsTheFolder$")
		owner.Env = append(os.Environ(), "CLOSELOOP_PG_CHILD="+at)
		in, err := owner.StdinPipe() // the child ends when the pipe closes, also if the test fails
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out, err := owner.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := owner.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); ; {
			if !lines.Scan() {
				t.Fatal("the child ended before it was ready")
			}
			if strings.HasPrefix(lines.Text(), "ready") {
				break
			}
		}
		joined := open(t, command(at, "import"))
		exec1(t, joined, "INSERT INTO child VALUES (2)")
		orphan := postmaster(t, at)
		if err := owner.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := owner.Wait(); err == nil {
			t.Fatal("the child was not killed")
		}

		next := open(t, serving(at))
		var rows int
		if err := next.Pool.QueryRow(t.Context(), "SELECT count(*) FROM child").Scan(&rows); err != nil || rows != 2 {
			t.Errorf("%d rows: %v", rows, err)
		}
		if pid := postmaster(t, at); pid == orphan {
			t.Error("the orphaned PostgreSQL still serves")
		}
		if err := joined.Close(); err != nil { // otherwise the next owner waits for it
			t.Error(err)
		}
	})

	t.Run("a stale notice does not refuse the next server", func(t *testing.T) {
		t.Parallel()
		at := folder(t)
		first := open(t, serving(at))
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(at, "owner.json")
		stale := notice{PID: 1, Command: "serve", Serve: true, State: ready, URL: "postgres://closeloop@/closeloop?host=/nowhere"}
		if err := writeNotice(at, path, stale); err != nil {
			t.Fatal(err)
		}
		exec1(t, open(t, serving(at)), "SELECT 1")
	})
}

// TestChildHoldsTheFolder is the process that TestPrivateAfterKill kills.
func TestChildHoldsTheFolder(t *testing.T) {
	t.Parallel()
	at := os.Getenv("CLOSELOOP_PG_CHILD")
	if at == "" {
		t.Skip("runs in a process that another test starts")
	}
	db := open(t, serving(at))
	exec1(t, db, "CREATE TABLE child (id int)")
	exec1(t, db, "INSERT INTO child VALUES (1)")
	os.Stdout.WriteString("ready\n")
	io.Copy(io.Discard, os.Stdin)
}
