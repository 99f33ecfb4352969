package cluster

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// Role is the superuser of the cluster, and Database the database that Start creates.
const (
	Role     = "closeloop"
	Database = "closeloop"
)

// Oldest is the oldest major version of PostgreSQL that closeloop works with.
const Oldest = 13

// Options describe a cluster.
type Options struct {
	Folder string // created if it is missing; see Folder
	Log    *slog.Logger
	// Restarted is called each time the server answers again after an unexpected end. It may be nil.
	Restarted func()
	// Throwaway gives up all durability for speed. It is for tests only.
	Throwaway bool
}

// Exists tells whether the folder has data of PostgreSQL, or something that hides it.
func Exists(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "postgres"))
	return !errors.Is(err, fs.ErrNotExist)
}
