//go:build unix

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// initialize finds the binaries for the data there is, or makes new data.
func (c *Cluster) initialize(ctx context.Context) error {
	version, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	switch {
	case err == nil:
		major, err := strconv.Atoi(strings.TrimSpace(string(version)))
		if err != nil {
			return fmt.Errorf("%s holds no data of a PostgreSQL that closeloop works with (nothing was changed)", c.data())
		}
		c.binaries, err = findBinaries(major, c.data())
		return err
	case errors.Is(err, fs.ErrPermission):
		return notOurs(c.folder)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the version of the data: %w", err)
	}
	// Only an empty folder is replaced: what else may lie there is not ours to judge.
	if err := os.Remove(c.data()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there, but PostgreSQL did not make it (nothing was changed)", c.data())
	}
	if c.binaries, err = findBinaries(0, c.data()); err != nil {
		return err
	}
	return c.initdb(ctx)
}

// initdb works in a folder of another name, so that a half-made one is never taken for data.
func (c *Cluster) initdb(ctx context.Context) error {
	half := c.data() + ".new"
	args := []string{
		"-D", half, "-U", Role, "-E", "UTF8", "--auth-local=trust", "--auth-host=reject",
	}
	if c.throwaway {
		args = append(args, "--no-sync", "--wal-segsize=1")
	} else {
		args = append(args, "--data-checksums")
	}
	var failed []error
	// C.UTF-8 does not exist everywhere; C orders the same way but knows ASCII letters only.
	for _, locale := range []string{"C.UTF-8", "C"} {
		if err := os.RemoveAll(half); err != nil {
			return fmt.Errorf("remove an unfinished start: %w", err)
		}
		if err := os.Mkdir(half, 0o700); err != nil {
			if errors.Is(err, fs.ErrPermission) {
				return notOurs(c.folder)
			}
			return fmt.Errorf("make the folder of the data: %w", err)
		}
		if err := c.account.give(half); err != nil {
			return err
		}
		out, err := c.runInitdb(ctx, append(args, "--locale="+locale))
		if err == nil {
			if err := os.Rename(half, c.data()); err != nil {
				return fmt.Errorf("put the new data in place: %w", err)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.explainExec(err); err != nil {
			return err
		}
		failed = append(failed, fmt.Errorf("locale %s: %s", locale, lastLine(string(out))))
	}
	return fmt.Errorf("make the data with initdb: %w", errors.Join(failed...))
}

// runInitdb keeps its OS thread, so that initdb dies with us: a second one may follow it soon.
func (c *Cluster) runInitdb(ctx context.Context, args []string) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := c.command(ctx, "initdb", args...)
	dieWithParent(cmd.SysProcAttr, syscall.SIGKILL)
	return cmd.CombinedOutput()
}

// command is one of PostgreSQL's programs, run by its user in a process group of its own: Ctrl-C
// in a terminal is for us alone, who then stop the server in order.
func (c *Cluster) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.binaries.path(program), args...)
	cmd.Dir = c.folder
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: c.account.credential}
	return cmd
}

// explainExec turns 'permission denied' of a program that did not even start into words. It
// returns nil for other errors.
func (c *Cluster) explainExec(err error) error {
	if c.account.credential == nil || !errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return fmt.Errorf("PostgreSQL does not run as root; it runs as the user %s here, who may not enter %s: "+
		"choose another folder with CLOSELOOP_DATA_DIR, for example /var/lib/closeloop", c.account.name, c.folder)
}

// environment is ours without what would lead PostgreSQL elsewhere or translate its messages.
func environment() []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "LC_") || name == "LANG" || name == "LANGUAGE" {
			continue
		}
		env = append(env, entry)
	}
	return append(env, "LC_ALL=C")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
