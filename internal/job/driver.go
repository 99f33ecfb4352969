package job

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// Driver is River's driver for pgx, without NOTIFY. River sends one with every insert, in the inserting transaction,
// and has no setting against it (PollOnly only stops LISTEN). PostgreSQL queues the notifications of all databases
// in the order of commits: whoever has sent one takes a lock of the whole cluster, and holds it while its commit
// waits for the disk. All writers would commit one at a time. So nobody is told of new jobs; workers look for them.
type Driver struct {
	*riverpgxv5.Driver
}

// NewDriver is for clients that insert jobs and for those that work them alike.
func NewDriver(pool *pgxpool.Pool) Driver { return Driver{riverpgxv5.New(pool)} }

// SupportsListenNotify keeps River from sending.
func (Driver) SupportsListenNotify() bool { return false }

// SupportsListener keeps River from listening.
func (Driver) SupportsListener() bool { return false }
