//go:build !unix

// Package flock locks files against other processes by flock(2), which this system does not have:
// every function returns an error. Only the private PostgreSQL uses these locks, and it is not
// available on this system either.
package flock

import (
	"context"
	"errors"
	"runtime"
)

// Lock is a lock on a file. No function returns one on this system.
type Lock struct{}

func errUnavailable() error {
	return errors.New("the locks of a private PostgreSQL are not available on " + runtime.GOOS)
}

// Exclusive always fails on this system.
func Exclusive(string) (*Lock, error) { return nil, errUnavailable() }

// Shared always fails on this system.
func Shared(string) (*Lock, error) { return nil, errUnavailable() }

// Wait always fails on this system.
func Wait(context.Context, string) (*Lock, error) { return nil, errUnavailable() }

// Release does nothing, because this system has no locks.
func (*Lock) Release() error { return nil }
