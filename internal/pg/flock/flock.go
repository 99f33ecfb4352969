//go:build unix

// Package flock locks files against other processes: exclusively, or shared by many.
//
// A lock belongs to the open file, not to the process: it is gone the moment its holder ends,
// however it ends, and two holders in one process exclude each other as two processes do. The
// file is closed on exec, so no child keeps it. The package never deletes a lock file: whoever
// deletes one lets a second holder lock a new file of the same name.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// poll is how often Wait tries again. flock(2) cannot be interrupted by a context.
const poll = 20 * time.Millisecond

// Lock is a held lock.
type Lock struct {
	file *os.File
}

// Exclusive locks the file, made when absent, against all others. It returns nil without an
// error when somebody else holds it.
func Exclusive(path string) (*Lock, error) {
	return try(path, unix.LOCK_EX)
}

// Shared locks the file, made when absent, against exclusive holders only. It returns nil
// without an error when somebody holds it exclusively.
func Shared(path string) (*Lock, error) {
	return try(path, unix.LOCK_SH)
}

// Wait locks exclusively, trying until it succeeds or ctx ends.
func Wait(ctx context.Context, path string) (*Lock, error) {
	for {
		lock, err := Exclusive(path)
		if lock != nil || err != nil {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(poll):
		}
	}
}

// Release gives the lock up. A nil lock is released already.
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
