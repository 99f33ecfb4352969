//go:build unix

package cluster

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	t.Run("lets only the database's user reach socket and data", func(t *testing.T) {
		t.Parallel()
		c := start(t, Options{Folder: folder(t)})
		for _, path := range []string{c.socket, c.data(), c.folder, c.logfile()} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s is open to others: %v", path, info.Mode())
			}
			if uid, _, _ := ownerOf(path); uid == 0 {
				t.Errorf("%s belongs to root", path)
			}
		}
	})

	t.Run("explains a folder that the database's user cannot enter", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() != 0 {
			t.Skip("needs root: only root runs PostgreSQL as another user")
		}
		closed := filepath.Join(t.TempDir(), "data") // closed to all but root
		_, err := Start(context.Background(), Options{Folder: closed, Log: slog.New(slog.DiscardHandler), Throwaway: true})
		if err == nil || !strings.Contains(err.Error(), "which may not enter "+closed) {
			t.Errorf("error: %v", err)
		}
	})
}

// The other tests run as the user of the test process, which is root in CI. This test runs some of
// them again as a user without rights.
func TestStartWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the tests run without root already")
	}
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	// Not in a scratch folder: memory is often mounted so that nothing in it can be executed.
	parent := t.TempDir()
	for path := parent; path != os.TempDir(); path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(parent, "test")
	if err := os.WriteFile(copied, program, 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []string{
		"TestStart/creates_data_that_survives_a_stop", "TestAccess/lets_only_the_database's_user_reach_socket_and_data",
		"TestRestart/follows_the_death_of_the_server",
	}
	cmd := exec.Command(copied, "-test.v", "-test.run="+strings.Join(tests, "|"))
	cmd.Dir = parent
	cmd.Env = append(os.Environ(), "HOME="+parent)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, test := range tests {
		if !strings.Contains(string(out), "--- PASS: "+test+" ") {
			t.Errorf("%s did not run as a user without rights:\n%s", test, out)
		}
	}
}
