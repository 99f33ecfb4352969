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

// initialize finds the binaries for existing data, or creates new data.
func (c *Cluster) initialize(ctx context.Context) error {
	version, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	switch {
	case err == nil:
		major, err := strconv.Atoi(strings.TrimSpace(string(version)))
		if err != nil {
			return fmt.Errorf("the folder %s holds no data of a PostgreSQL version that closeloop works with (nothing was changed)", c.data())
		}
		c.binaries, err = findBinaries(major, c.data())
		return err
	case errors.Is(err, fs.ErrPermission):
		return errOwner(c.folder)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the version of the data: %w", err)
	}
	// Only an empty folder is replaced: other content may matter to its owner.
	if err := os.Remove(c.data()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists, but PostgreSQL did not create it (nothing was changed); choose another folder with CLOSELOOP_DATA_DIR", c.data())
	}
	if c.binaries, err = findBinaries(0, c.data()); err != nil {
		return err
	}
	return c.initdb(ctx)
}

// initdb creates the data in a folder with another name and renames the folder at the end, so that
// unfinished data is never used.
func (c *Cluster) initdb(ctx context.Context) error {
	unfinished := c.data() + ".new"
	args := []string{
		"-D", unfinished, "-U", Role, "-E", "UTF8", "--auth-local=trust", "--auth-host=reject",
	}
	if c.throwaway {
		args = append(args, "--no-sync", "--wal-segsize=1")
	} else {
		args = append(args, "--data-checksums")
	}
	var failed []error
	// C.UTF-8 does not exist on every system. C sorts the same way but knows only ASCII letters.
	for _, locale := range []string{"C.UTF-8", "C"} {
		if err := os.RemoveAll(unfinished); err != nil {
			return fmt.Errorf("remove an unfinished start: %w", err)
		}
		if err := os.Mkdir(unfinished, 0o700); err != nil {
			if errors.Is(err, fs.ErrPermission) {
				return errOwner(c.folder)
			}
			return fmt.Errorf("create the folder of the data: %w", err)
		}
		if err := c.account.own(unfinished); err != nil {
			return err
		}
		out, err := c.runInitdb(ctx, append(args, "--locale="+locale))
		if err == nil {
			if err := os.Rename(unfinished, c.data()); err != nil {
				return fmt.Errorf("rename the folder of the new data: %w", err)
			}
			c.log.Info("created a new PostgreSQL database", "folder", c.folder)
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
	return fmt.Errorf("create the data with initdb: %w", errors.Join(failed...))
}

// runInitdb stays on one OS thread, so that initdb dies with this process (see thread): a restarted
// closeloop may run initdb again soon.
func (c *Cluster) runInitdb(ctx context.Context, args []string) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := c.command(ctx, "initdb", args...)
	dieWithParent(cmd.SysProcAttr, syscall.SIGKILL)
	return cmd.CombinedOutput()
}

// command prepares one of PostgreSQL's programs under its user, in a process group of its own.
// Ctrl-C in a terminal then reaches only closeloop, which stops the server in order.
func (c *Cluster) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.binaries.path(program), args...)
	cmd.Dir = c.folder
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: c.account.credential}
	return cmd
}

// explainExec returns an error that says what to do when a program could not be started for lack
// of permission. It returns nil for other errors.
func (c *Cluster) explainExec(err error) error {
	if c.account.credential == nil || !errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return fmt.Errorf("PostgreSQL does not run as root; here it runs as the user %s, which may not enter %s: "+
		"choose another folder with CLOSELOOP_DATA_DIR, for example /var/lib/closeloop", c.account.name, c.folder)
}

// environment returns this process's environment without the variables that would change where
// PostgreSQL looks, or the language of its messages.
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
