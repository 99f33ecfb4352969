package pgtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"github.com/closeloop/closeloop/internal/pg/cluster"
	"github.com/closeloop/closeloop/internal/pg/flock"
	"github.com/closeloop/closeloop/internal/pgtest/scratch"
)

// createFolder creates a folder for this process's server, in memory where there is space, and
// removes the folders of ended processes. The caller must keep the lock until the process ends.
func createFolder(ctx context.Context) (string, *flock.Lock, error) {
	parent := scratch.Parent()
	prefix := "closeloop-test-" + strconv.Itoa(os.Geteuid()) + "-"
	// One process at a time creates and sweeps. Otherwise another process could sweep a new folder
	// before it is locked.
	creating, err := flock.Wait(ctx, filepath.Join(parent, "."+prefix+"lock"))
	if err != nil {
		return "", nil, fmt.Errorf("wait for other test processes: %w", err)
	}
	defer creating.Release()
	sweep(ctx, filepath.Join(parent, prefix+"*"))

	folder, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return "", nil, fmt.Errorf("create a folder for the server: %w", err)
	}
	if err := cluster.Folder(folder); err != nil {
		return "", nil, err
	}
	lock, err := flock.Exclusive(filepath.Join(folder, lockFile))
	if err == nil && lock == nil {
		err = errors.New("lock the server's folder: another process has locked it")
	}
	return folder, lock, err
}

const lockFile = "test.lock"

// sweep removes the folders of ended processes. It ignores errors, because the next run tries
// again.
func sweep(ctx context.Context, pattern string) {
	folders, _ := filepath.Glob(pattern) // fails on a malformed pattern only
	for _, folder := range folders {
		lock, err := flock.Exclusive(filepath.Join(folder, lockFile))
		if lock == nil || err != nil {
			continue
		}
		if cluster.Halt(ctx, folder, slog.New(slog.DiscardHandler)) == nil {
			os.RemoveAll(folder)
		}
		lock.Release()
	}
}
