//go:build unix

package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// poll is the time between two checks of a process that is not a child of this process.
const poll = 20 * time.Millisecond

// Halt stops a PostgreSQL that an ended process left running on the folder, and returns when all
// processes of that PostgreSQL have ended. The caller must hold the lock on the folder.
func Halt(ctx context.Context, folder string, log *slog.Logger) error {
	data := filepath.Join(folder, "postgres")
	pid := postmaster(data)
	if pid != 0 && alive(pid) && worksIn(pid, data) {
		log.Warn("stopping a PostgreSQL that an earlier run left behind", "folder", folder, "pid", pid)
		// The parent death signal is the same signal, so that the shutdown may have begun already.
		if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the PostgreSQL left behind (process %d): %w", pid, err)
		}
		if err := waitForEnd(ctx, pid); err != nil {
			return err
		}
	}
	// The children of a killed postmaster keep its shared memory until they notice.
	a, err := accountFor(folder)
	if err != nil {
		return err
	}
	if err := waitForWorkers(ctx, a, data); err != nil {
		return err
	}
	// PostgreSQL refuses to start while the process id in its file belongs to any process of its
	// user: a zombie that is not reaped, or an unrelated process that received the id since.
	if pid != 0 && exists(pid) {
		if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove a stale postmaster.pid: %w", err)
		}
	}
	return nil
}

func (c *Cluster) removeLeftovers(ctx context.Context) error {
	if err := Halt(ctx, c.folder, c.log); err != nil {
		return err
	}
	// No server runs here now, so that a socket and its lock file are leftovers. The lock file has
	// the same problem with reused process ids as postmaster.pid.
	for _, path := range []string{socketFile(c.socket), socketFile(c.socket) + ".lock"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove a stale socket: %w", err)
		}
	}
	return nil
}

// postmaster returns the id of the process that last served the data; 0 when that process ended in
// order.
func postmaster(data string) int {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	// A standalone backend writes its process id negated.
	pid, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(first), "-"))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

// waitForEnd waits for the end of a process that is not a child of this process, as long as for a
// shutdown.
func waitForEnd(ctx context.Context, pid int) error {
	for began := time.Now(); alive(pid); {
		if time.Since(began) > shutdownTimeout {
			return fmt.Errorf("the PostgreSQL left behind (process %d) does not stop: stop it, then start closeloop again", pid)
		}
		if err := sleep(ctx, poll); err != nil {
			return err
		}
	}
	return nil
}

// waitForWorkers waits until no process works in the data. A process in a long statement does not
// notice that its postmaster is dead; after a while it receives SIGQUIT.
func waitForWorkers(ctx context.Context, a account, data string) error {
	for began := time.Now(); ; {
		left := workersIn(a, data)
		waited := time.Since(began)
		switch {
		case len(left) == 0:
			return nil
		case waited > leftoverTimeout:
			return fmt.Errorf("processes of a killed PostgreSQL still run (%v): stop them, then start closeloop again", left)
		case waited > leftoverTimeout/10:
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGQUIT) // fails only for a process that has ended meanwhile
			}
		}
		if err := sleep(ctx, poll); err != nil {
			return err
		}
	}
}

// exists reports whether any process has the id; a zombie counts.
func exists(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
