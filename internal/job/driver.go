package job

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// Driver is River's driver for pgx, without NOTIFY. River sends a NOTIFY with every insert, in the inserting transaction,
// and has no setting to turn this off (PollOnly only stops LISTEN). PostgreSQL queues the notifications of all databases
// in the order of commits: a transaction with a NOTIFY takes a lock of the whole cluster, and holds this lock while its
// commit waits for the disk. All writers would commit one at a time. So no job is announced; workers poll for jobs.
type Driver struct {
	*riverpgxv5.Driver
}

// NewDriver makes the driver for a client that inserts jobs or works them.
func NewDriver(pool *pgxpool.Pool) Driver { return Driver{riverpgxv5.New(pool)} }

// SupportsListenNotify returns false, so that River sends no NOTIFY.
func (Driver) SupportsListenNotify() bool { return false }

// SupportsListener returns false, so that River does not LISTEN.
func (Driver) SupportsListener() bool { return false }
