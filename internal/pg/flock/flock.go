//go:build unix

// Package flock owns locks on files, exclusive or shared, that also exclude other processes.
//
// A lock belongs to the open file, not to the process. The lock therefore ends with its holder,
// however the holder ends, and two holders in one process exclude each other as two processes do.
// The file is closed on exec, so that no child process keeps the lock. The package never deletes a
// lock file, because after a deletion a second holder could lock a new file of the same name.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// retryInterval is the time between two attempts of Wait, which polls because a context cannot
// interrupt flock(2).
const retryInterval = 20 * time.Millisecond

// Lock is a lock on a file; it lasts until Release.
type Lock struct {
	file *os.File
}

// Exclusive locks the file against all other holders and creates the file if it is missing. It
// returns nil without an error when the file is locked already.
func Exclusive(path string) (*Lock, error) {
	return try(path, unix.LOCK_EX)
}

// Shared locks the file against exclusive holders only and creates the file if it is missing. It
// returns nil without an error when the file is locked exclusively.
func Shared(path string) (*Lock, error) {
	return try(path, unix.LOCK_SH)
}

// Wait locks the file exclusively; it tries until it succeeds or ctx ends.
func Wait(ctx context.Context, path string) (*Lock, error) {
	for {
		lock, err := Exclusive(path)
		if lock != nil || err != nil {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(retryInterval):
		}
	}
}

// Release ends the lock. It does nothing for a nil lock.
func (l *Lock) Release() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}

func try(path string, how int) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	for {
		err = unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	switch {
	case err == nil:
		return &Lock{file: file}, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, file.Close()
	default:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
}
