//go:build !unix

// Package cluster runs a private PostgreSQL on Unix systems. This system is not a Unix system, so
// that every function returns an error that tells the user to set DATABASE_URL. The private
// PostgreSQL needs Unix sockets with file permissions, process groups and signals.
package cluster

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
)

// Cluster is a running PostgreSQL. Start never returns one on this system.
type Cluster struct{}

func errUnavailable() error {
	return errors.New("set DATABASE_URL: the private PostgreSQL is not available on " + runtime.GOOS)
}

// Start always fails on this system.
func Start(context.Context, Options) (*Cluster, error) { return nil, errUnavailable() }

// Stop does nothing, because no cluster can run on this system.
func (*Cluster) Stop() error { return nil }

// URL is empty, because no cluster can run on this system.
func (*Cluster) URL(string) string { return "" }

// Folder always fails on this system.
func Folder(string) error { return errUnavailable() }

// Adopt always fails on this system.
func Adopt(_, _ string) error { return errUnavailable() }

// Halt always fails on this system.
func Halt(context.Context, string, *slog.Logger) error { return errUnavailable() }
