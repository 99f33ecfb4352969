//go:build unix

// Package cluster runs one PostgreSQL of its own in one folder: it finds the binaries, makes the
// data, starts the server, watches over it, starts it again when it dies, and stops it.
//
// It owns what lies below its folder (postgres/ the data, run/ the socket, postgres.log) and
// refuses three things: to delete or overwrite data, to listen on anything but a unix socket that
// only the database's user and root can reach, and to run PostgreSQL as root. Who may start a
// cluster on a folder, and who shares it, is not decided here: the caller holds a lock.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// port only names the socket's file: there is no TCP, and no other server in the folder.
	port = 5432
	// patience is how long leftovers of a killed server may hold on to their shared memory.
	patience = 10 * time.Second
	// shutdown is how long a fast shutdown may write before it becomes an immediate one, from
	// which the next start recovers.
	shutdown = 60 * time.Second
)

// Cluster is a running PostgreSQL. It runs until Stop, whatever happens to the server's process.
type Cluster struct {
	folder    string
	socket    string
	log       *slog.Logger
	restarted func()
	throwaway bool
	account   account
	binaries  binaries

	thread  *thread // forks the server
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
	err     error // of the stop; read after stopped
}

// Start starts the server on the folder, making the data and the database where there are none,
// and returns when it answers. ctx ends the start, not the server.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	folder, err := filepath.Abs(o.Folder)
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	if err := Folder(folder); err != nil {
		return nil, err
	}
	c := &Cluster{
		folder: folder, log: o.Log, restarted: o.Restarted, throwaway: o.Throwaway,
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if c.account, err = accountFor(folder); err != nil {
		return nil, err
	}
	if err := c.initialize(ctx); err != nil {
		return nil, err
	}
	if c.socket, err = socketFolder(folder, c.account); err != nil {
		return nil, err
	}

	c.thread = newThread()
	server, err := c.start(ctx)
	if err == nil {
		if err = c.createDatabase(ctx); err != nil {
			c.end(server)
		}
	}
	if err != nil {
		c.thread.finish()
		c.removeSocket()
		return nil, err
	}
	go c.supervise(server)
	return c, nil
}

// Stop shuts the server down and returns when it has ended. Calling it again changes nothing.
func (c *Cluster) Stop() error {
	c.once.Do(func() { close(c.stop) })
	<-c.stopped
	return c.err
}

// URL is the connection string of a database inside.
func (c *Cluster) URL(database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.User(Role), Path: "/" + database,
		RawQuery: url.Values{
			"host": {c.socket}, "port": {strconv.Itoa(port)}, "sslmode": {"disable"},
		}.Encode(),
	}).String()
}

// Socket is the folder of the server's socket.
func (c *Cluster) Socket() string { return c.socket }

func (c *Cluster) data() string    { return filepath.Join(c.folder, "postgres") }
func (c *Cluster) logfile() string { return filepath.Join(c.folder, "postgres.log") }

func (c *Cluster) removeSocket() {
	if c.socket != filepath.Join(c.folder, "run") {
		os.RemoveAll(c.socket)
	}
}

func (c *Cluster) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	err = conn.QueryRow(ctx, "SELECT true FROM pg_database WHERE datname = $1", Database).Scan(&exists)
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{Database}.Sanitize()); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}
