package pgtest_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/pgtest"
)

// child runs one test in another process, which reads its task from the environment, and returns
// the text that the test logged after "child: ".
func child(t *testing.T, program, test, task string, as *syscall.Credential) string {
	t.Helper()
	cmd := exec.Command(program, "-test.v", "-test.run=^"+test+"$")
	cmd.Dir = filepath.Dir(program)
	cmd.Env = append(os.Environ(), "CLOSELOOP_PGTEST_CHILD="+task)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+test) {
		t.Fatalf("%v\n%s", err, out)
	}
	_, answer, _ := strings.Cut(string(out), "child: ")
	answer, _, _ = strings.Cut(answer, "\n")
	return answer
}

func task(t *testing.T) string {
	t.Helper()
	task := os.Getenv("CLOSELOOP_PGTEST_CHILD")
	if task == "" {
		t.Skip("runs in a process that another test starts")
	}
	return task
}

func TestChildWrites(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), task(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "INSERT INTO messages VALUES ('by the child')"); err != nil {
		t.Fatal(err)
	}
}

func TestChildStartsServer(t *testing.T) {
	t.Parallel()
	task(t)
	at, err := url.Parse(pgtest.URL(t, pgtest.New(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Log("child: " + filepath.Dir(at.Query().Get("host")))
}
