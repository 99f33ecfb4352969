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

// server is one postmaster process.
type server struct {
	cmd       *exec.Cmd
	ended     chan struct{}
	err       error // how the process ended; read it only after ended is closed
	logOffset int64 // where the server's part of the log file begins
}

// thread runs functions on one OS thread for its whole life. Linux sends the parent death signal
// when the forking thread ends, not when the process ends, and Go may end a thread at any time.
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
	s := &server{cmd: c.command(context.Background(), "postgres", c.arguments()...), ended: make(chan struct{}), logOffset: from}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	// SIGINT requests a fast shutdown, SIGQUIT a shutdown without writing. PostgreSQL therefore
	// ends in order when closeloop is killed.
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
		// Statements and error details contain texts of customers, which must not be in the log.
		"log_statement=none", "log_min_duration_statement=-1", "log_min_error_statement=panic", "log_error_verbosity=terse",
	}
	if c.throwaway {
		settings = append(settings, "fsync=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=64MB", "min_wal_size=4MB",
			"max_connections=300", "max_parallel_workers_per_gather=0",
			// Files in the data folder are deleted with it; files in /dev/shm would outlive a killed server.
			"dynamic_shared_memory_type=mmap")
	} else {
		// After each checkpoint, PostgreSQL logs every page whole when it first changes: most of what a response writes.
		// docs/decisions/0030-what-a-response-writes.md has the numbers.
		settings = append(settings, "checkpoint_timeout=15min", "max_wal_size=4GB", "checkpoint_completion_target=0.9")
	}
	args := []string{"-D", c.data()}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// waitUntilReady returns when the server answers, or returns why it cannot. Only ctx and the end of
// the server limit the wait, because the recovery after a crash may take long.
func (c *Cluster) waitUntilReady(ctx context.Context, s *server) error {
	logged := time.Now()
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
		if time.Since(logged) > leftoverTimeout {
			c.log.Info("PostgreSQL is still starting", "folder", c.folder)
			logged = time.Now()
		}
	}
}

// shutDown requests a fast shutdown, which closes the connections and writes all data to disk, and
// waits for the end of the server.
func (c *Cluster) shutDown(s *server) error {
	// Signal fails only when the process has ended already; then there is nothing left to stop.
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.ended:
	case <-time.After(shutdownTimeout):
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

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
