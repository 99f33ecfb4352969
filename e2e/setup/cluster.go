//go:build unix

// A cluster of the tests runs as another user and is killed by signals, which only Unix has.

package setup

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pg/cluster"
	"github.com/closeloop/closeloop/model"
)

// AdminToken is the administrator's token on every server that runs as a process.
const AdminToken = "administrator-token-of-this-test"

// Cluster is a PostgreSQL that belongs to one test: it is durable, and the test may stop, kill and copy it.
type Cluster struct {
	t       *testing.T
	Folder  string // of the data
	running *cluster.Cluster
	Server  *Program // the last server that Serve started
}

// NewCluster starts PostgreSQL on the folder, and creates the data if the folder has none. It stops with the test.
func NewCluster(t *testing.T, folder string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, Folder: folder}
	c.Start()
	t.Cleanup(c.Stop)
	return c
}

// Start starts PostgreSQL again after Stop.
func (c *Cluster) Start() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*Patience)
	defer cancel()
	running, err := cluster.Start(ctx, cluster.Options{Folder: c.Folder, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.t.Fatal(err)
	}
	c.running = running
}

// Stop stops PostgreSQL in order.
func (c *Cluster) Stop() {
	if err := c.running.Stop(); err != nil {
		c.t.Error(err)
	}
}

// postmaster is the process id of PostgreSQL: the first line of the file that it keeps while it runs.
func (c *Cluster) postmaster() (pid int) {
	text, err := os.ReadFile(filepath.Join(c.Folder, "postgres", "postmaster.pid"))
	if err == nil {
		first, _, _ := strings.Cut(string(text), "\n")
		pid, err = strconv.Atoi(first)
	}
	if err != nil || pid <= 1 {
		c.t.Fatalf("the postmaster's pid: %d, %v", pid, err)
	}
	return pid
}

// Kill is kill -9. The owner of the cluster starts PostgreSQL again by itself.
func (c *Cluster) Kill() {
	if err := syscall.Kill(c.postmaster(), syscall.SIGKILL); err != nil {
		c.t.Error(err)
	}
}

// URL is the connection string, for at most conns connections at a time.
func (c *Cluster) URL(conns int) string {
	u, err := url.Parse(c.running.URL(cluster.Database))
	if err != nil {
		c.t.Fatal(err)
	}
	params := u.Query()
	params.Set("pool_max_conns", strconv.Itoa(conns))
	u.RawQuery = params.Encode()
	return u.String()
}

// Open connects the test itself, with at most conns connections.
func (c *Cluster) Open(conns int) *pg.DB {
	c.t.Helper()
	db, err := pg.Connect(c.t.Context(), c.URL(conns), pg.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = db.Close() })
	return db
}

// Serve starts a server on the cluster, as a process of its own.
func (c *Cluster) Serve(t *testing.T) *Server {
	t.Helper()
	s, p := Serve(t, "DATABASE_URL="+c.URL(8))
	c.Server = p
	return s
}

// Serve starts a server with these settings of the environment, as a process of its own. Every role is the
// administrator there.
func Serve(t *testing.T, settings ...string) (*Server, *Program) {
	t.Helper()
	s := &Server{T: t, Tokens: map[model.Role]string{}}
	for _, role := range Roles {
		s.Tokens[role] = AdminToken
	}
	p := StartProgram(t, append(settings, "CLOSELOOP_LISTEN=127.0.0.1:0", "CLOSELOOP_ADMIN_TOKEN="+AdminToken), "serve")
	s.URL = strings.TrimPrefix(p.Await("closeloop is at http://"), "closeloop is at ")
	return s, p
}

// AwaitDatabase waits until the server can use its database again.
func (s *Server) AwaitDatabase(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(Patience); ; {
		a := s.Do(model.Admin, `{cases(first: 1) {feedCursor}}`, nil)
		if len(a.Errors) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("still %s", a.Body)
		}
	}
}

// Tool finds one of PostgreSQL's programs beside the server's own. The test is skipped if the program is not installed.
func (c *Cluster) Tool(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Folder, "postgres", "postmaster.opts")) // the server's path, and its arguments
	if err != nil {
		c.t.Fatal(err)
	}
	server, _, _ := strings.Cut(string(text), " ")
	path := filepath.Join(filepath.Dir(server), name)
	if _, err := os.Stat(path); err != nil {
		c.t.Skipf("%s is not installed beside PostgreSQL's server: %v", name, err)
	}
	return path
}

// Run runs one of PostgreSQL's programs on the cluster, as the user that owns the data.
func (c *Cluster) Run(name string, args ...string) {
	c.t.Helper()
	cmd := exec.Command(c.Tool(name), append([]string{"-h", c.running.Socket(), "-U", cluster.Role}, args...)...)
	cmd.Dir = c.Folder
	info, err := os.Stat(filepath.Join(c.Folder, "postgres"))
	if err != nil {
		c.t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
