//go:build unix

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// server is one process of the postmaster.
type server struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // how it ended; read after ended
	from  int64 // where its part of the log file begins
}

// thread runs functions on one OS thread, from start to finish. Linux sends the parent death
// signal when the thread that forked ends, not the process, and Go ends threads as it likes.
type thread struct {
	calls chan func()
	ended chan struct{}
}

func newThread() *thread {
	t := &thread{calls: make(chan func()), ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		runtime.LockOSThread()
		for call := range t.calls {
			call()
		}
	}()
	return t
}

func (t *thread) finish() {
	close(t.calls)
	<-t.ended
}

// fork starts the postmaster and a goroutine that waits for its end.
func (c *Cluster) fork() (*server, error) {
	log, from, err := c.openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &server{cmd: c.command(context.Background(), "postgres", c.arguments()...), ended: make(chan struct{}), from: from}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	// SIGINT is a fast shutdown, SIGQUIT one without writing: should we be killed, PostgreSQL
	// leaves in order.
	signal := syscall.SIGINT
	if c.throwaway {
		signal = syscall.SIGQUIT
	}
	dieWithParent(s.cmd.SysProcAttr, signal)

	started := make(chan error)
	c.thread.calls <- func() { started <- s.cmd.Start() }
	if err := <-started; err != nil {
		if explained := c.explainExec(err); explained != nil {
			return nil, explained
		}
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

func (c *Cluster) arguments() []string {
	settings := []string{
		"listen_addresses=", "unix_socket_directories=" + c.socket, "unix_socket_permissions=0700",
		"port=" + strconv.Itoa(port), "external_pid_file=", "logging_collector=off", "log_destination=stderr", "lc_messages=C",
		"timezone=UTC", "log_timezone=UTC", "jit=off",
		// Statements and error details hold customers' words: keep them out of the log.
		"log_statement=none", "log_min_duration_statement=-1", "log_min_error_statement=panic", "log_error_verbosity=terse",
	}
	if c.throwaway {
		settings = append(settings, "fsync=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=64MB", "min_wal_size=4MB",
			"max_connections=300", "max_parallel_workers_per_gather=0",
			// Files in the data, gone with it: what a killed server leaves in /dev/shm stays there.
			"dynamic_shared_memory_type=mmap")
	}
	args := []string{"-D", c.data()}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// await returns when the server answers, or why it never will. Recovery after a crash may take
// long, so that only ctx and the server's end bound it.
func (c *Cluster) await(ctx context.Context, s *server) error {
	said := time.Now()
	for {
		conn, err := pgx.Connect(ctx, c.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		var answer *pgconn.PgError
		if errors.As(err, &answer) && answer.Code != "57P03" { // cannot_connect_now: starting up
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("start PostgreSQL: %s (see %s)", c.reason(s), c.logfile())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
		if time.Since(said) > patience {
			c.log.Info("PostgreSQL is still starting", "folder", c.folder)
			said = time.Now()
		}
	}
}

// end shuts the server down fast, which closes its connections and writes all to disk, and waits.
func (c *Cluster) end(s *server) error {
	// The process may have ended by itself: then there is nobody to signal, and nothing to do.
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.ended:
	case <-time.After(shutdown):
		c.log.Warn("PostgreSQL takes too long to stop; it will recover at the next start", "folder", c.folder)
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		<-s.ended
	}
	var exit *exec.ExitError
	if s.err != nil && !errors.As(s.err, &exit) {
		return fmt.Errorf("wait for PostgreSQL's end: %w", s.err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
