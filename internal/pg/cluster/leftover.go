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

// poll is how often a process that is not our child is looked at.
const poll = 20 * time.Millisecond

// Halt stops a PostgreSQL that an ended process left running on the folder, and returns when all
// its processes are gone. The caller holds the lock that says that nobody else uses it.
func Halt(ctx context.Context, folder string, log *slog.Logger) error {
	data := filepath.Join(folder, "postgres")
	pid := postmaster(data)
	if pid != 0 && alive(pid) && worksIn(pid, data) {
		log.Warn("stopping a PostgreSQL that an earlier run left behind", "folder", folder, "pid", pid)
		// It may be on its way already: the parent death signal is the same one.
		if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the PostgreSQL left behind (process %d): %w", pid, err)
		}
		if err := gone(ctx, pid); err != nil {
			return err
		}
	}
	// A postmaster that was killed leaves children, which hold its shared memory until they notice.
	a, err := accountFor(folder)
	if err != nil {
		return err
	}
	if err := childless(ctx, a, data); err != nil {
		return err
	}
	// PostgreSQL refuses to start while the number in its file belongs to any process of its user:
	// a zombie that nobody reaps, or a stranger whom the number was given to since.
	if pid != 0 && exists(pid) {
		if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove a stale postmaster.pid: %w", err)
		}
	}
	return nil
}

func (c *Cluster) clear(ctx context.Context) error {
	if err := Halt(ctx, c.folder, c.log); err != nil {
		return err
	}
	// No server runs here now, so that a socket and its lock file are leftovers, and the lock file
	// has the same trouble with numbers as postmaster.pid.
	for _, path := range []string{socketFile(c.socket), socketFile(c.socket) + ".lock"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove a stale socket: %w", err)
		}
	}
	return nil
}

// postmaster reads the number of the process that last served the data; 0 when it left in order.
func postmaster(data string) int {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	// A standalone backend writes its number negated.
	pid, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(first), "-"))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

// gone waits for the end of a process that is not our child. It has as long as a shutdown has.
func gone(ctx context.Context, pid int) error {
	for began := time.Now(); alive(pid); {
		if time.Since(began) > shutdown {
			return fmt.Errorf("the PostgreSQL left behind (process %d) does not stop: stop it and start again", pid)
		}
		if err := pause(ctx, poll); err != nil {
			return err
		}
	}
	return nil
}

// childless waits until no process works in the data any more. Those that sit in a long statement
// do not notice that their postmaster is dead: after a while they are told to quit.
func childless(ctx context.Context, a account, data string) error {
	for began := time.Now(); ; {
		left := workersIn(a, data)
		waited := time.Since(began)
		switch {
		case len(left) == 0:
			return nil
		case waited > patience:
			return fmt.Errorf("processes of a killed PostgreSQL still run (%v): stop them and start again", left)
		case waited > patience/10:
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGQUIT) // who has ended meanwhile needs no signal
			}
		}
		if err := pause(ctx, poll); err != nil {
			return err
		}
	}
}

// exists tells whether any process has the number, a zombie included.
func exists(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
