//go:build ignore

package main

import (
	"context"
	"log/slog"
	"net/url"
	"os"
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

const adminToken = "admin-token-of-this-test"

// ownCluster is a PostgreSQL of a test's own: durable, and to be stopped, killed and copied.
type ownCluster struct {
	t       *testing.T
	folder  string
	running *cluster.Cluster
	server  *program // the last that was started on it
}

// newCluster starts one on the folder, making the data where there are none.
func newCluster(t *testing.T, folder string) *ownCluster {
	t.Helper()
	c := &ownCluster{t: t, folder: folder}
	c.start()
	t.Cleanup(c.stop)
	return c
}

func (c *ownCluster) start() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	running, err := cluster.Start(ctx, cluster.Options{Folder: c.folder, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.t.Fatal(err)
	}
	c.running = running
}

func (c *ownCluster) stop() {
	if err := c.running.Stop(); err != nil {
		c.t.Error(err)
	}
}

// postmaster is the first number in the file that PostgreSQL keeps while it runs.
func (c *ownCluster) postmaster() (pid int) {
	text, err := os.ReadFile(filepath.Join(c.folder, "postgres", "postmaster.pid"))
	if err == nil {
		first, _, _ := strings.Cut(string(text), "\n")
		pid, err = strconv.Atoi(first)
	}
	if err != nil || pid <= 1 {
		c.t.Fatalf("the postmaster's pid: %d, %v", pid, err)
	}
	return pid
}

// kill is kill -9; it is started again by whoever watches over it.
func (c *ownCluster) kill() {
	if err := syscall.Kill(c.postmaster(), syscall.SIGKILL); err != nil {
		c.t.Error(err)
	}
}

// url is the connection string, for so many connections at a time.
func (c *ownCluster) url(conns int) string {
	u, err := url.Parse(c.running.URL(cluster.Database))
	if err != nil {
		c.t.Fatal(err)
	}
	params := u.Query()
	params.Set("pool_max_conns", strconv.Itoa(conns))
	u.RawQuery = params.Encode()
	return u.String()
}

// open connects to it, as the test itself.
func (c *ownCluster) open(conns int) *pg.DB {
	c.t.Helper()
	db, err := pg.Connect(c.t.Context(), c.url(conns), pg.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = db.Close() })
	return db
}

// serve starts a server on it, as a process of its own.
func (c *ownCluster) serve(t *testing.T) *testServer {
	t.Helper()
	s, p := serve(t, "DATABASE_URL="+c.url(8))
	c.server = p
	return s
}

// serve starts a server with these settings, as a process of its own; every role is the administrator there.
func serve(t *testing.T, settings ...string) (*testServer, *program) {
	t.Helper()
	s := &testServer{t: t, tokens: map[model.Role]string{}}
	for _, role := range everyRole {
		s.tokens[role] = adminToken
	}
	p := start(t, append(settings, "CLOSELOOP_LISTEN=127.0.0.1:0", "CLOSELOOP_ADMIN_TOKEN="+adminToken), "serve")
	s.url = strings.TrimPrefix(p.await("closeloop is at http://"), "closeloop is at ")
	return s, p
}

// await waits for the server to have its database again.
func (s *testServer) await(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		a := s.gql(model.Admin, `{cases(first: 1) {feedCursor}}`, nil)
		if len(a.errors) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("still %s", a.body)
		}
	}
}
