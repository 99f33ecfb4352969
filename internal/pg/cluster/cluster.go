//go:build unix

// Package cluster runs a private PostgreSQL in one folder: it finds the binaries, creates the data,
// starts the server, supervises it, restarts it when it dies, and stops it.
//
// It owns everything below its folder (postgres/ the data, run/ the socket, postgres.log). It never
// deletes or overwrites data, never listens on anything except a Unix socket that only the
// database's user and root can reach, and never runs PostgreSQL as root. It does not decide which
// process may start a cluster on a folder: the caller holds a lock on the folder.
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
	// port is only part of the socket's file name: the server does not listen on TCP, and no other
	// server uses the folder.
	port = 5432
	// leftoverTimeout is how long processes of a killed server may keep their shared memory.
	leftoverTimeout = 10 * time.Second
	// shutdownTimeout is how long a fast shutdown may take. After that an immediate shutdown
	// follows, from which the next start recovers.
	shutdownTimeout = 60 * time.Second
)

// Cluster is a running PostgreSQL. It runs until Stop, and restarts when its process ends.
type Cluster struct {
	folder    string
	socket    string
	log       *slog.Logger
	restarted func()
	throwaway bool
	account   account
	binaries  binaries

	thread  *thread // the OS thread that forks the server
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
	err     error // the result of Stop; read it only after stopped is closed
}

// Start starts the server on the folder and returns when the server answers. It creates the data
// and the database where they are missing. ctx limits the start, not the life of the server.
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
			c.shutDown(server)
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

// Stop shuts the server down and returns when it has ended. Further calls have no effect.
func (c *Cluster) Stop() error {
	c.once.Do(func() { close(c.stop) })
	<-c.stopped
	return c.err
}

// URL returns the connection string of a database in the cluster.
func (c *Cluster) URL(database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.User(Role), Path: "/" + database,
		RawQuery: url.Values{
			"host": {c.socket}, "port": {strconv.Itoa(port)}, "sslmode": {"disable"},
		}.Encode(),
	}).String()
}

// Socket returns the folder of the server's socket.
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
