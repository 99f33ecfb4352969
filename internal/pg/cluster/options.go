package cluster

import "log/slog"

// Role is the superuser inside, and Database the database that Start makes.
const (
	Role     = "closeloop"
	Database = "closeloop"
)

// Oldest is the oldest major version of PostgreSQL that closeloop works with.
const Oldest = 13

// Options describe a cluster.
type Options struct {
	Folder string // made when absent; see Folder
	Log    *slog.Logger
	// Restarted is called each time the server answers again after it died by itself. Nil: nobody.
	Restarted func()
	// Throwaway trades all durability for speed: for tests only.
	Throwaway bool
}
