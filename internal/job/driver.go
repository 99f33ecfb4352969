package job

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
)

// Driver is River's driver for pgx, without NOTIFY and without completed jobs.
//
// River sends a NOTIFY with every insert, in the inserting transaction,
// and has no setting to turn this off (PollOnly only stops LISTEN). PostgreSQL queues the notifications of all databases
// in the order of commits: a transaction with a NOTIFY takes a lock of the whole cluster, and holds this lock while its
// commit waits for the disk. All writers would commit one at a time. So no job is announced; workers poll for jobs.
type Driver struct {
	*riverpgxv5.Driver
}

// NewDriver makes the driver for a client that inserts jobs or works them.
func NewDriver(pool *pgxpool.Pool) Driver { return Driver{riverpgxv5.New(pool)} }

// GetExecutor returns what runs River's statements.
func (d Driver) GetExecutor() riverdriver.Executor { return executor{d.Driver.GetExecutor()} }

// executor deletes a job when it is completed. River would keep the row for a day, for lists that closeloop does not have, and
// write it and its index entries once more.
type executor struct{ riverdriver.Executor }

// JobSetStateIfRunningMany deletes the completed jobs, and gives the other jobs their states.
func (e executor) JobSetStateIfRunningMany(ctx context.Context, p *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	var completed []int64
	var rows []*rivertype.JobRow
	for i, id := range p.ID {
		if p.State[i] == rivertype.JobStateCompleted {
			completed = append(completed, id)
			rows = append(rows, &rivertype.JobRow{ID: id, State: rivertype.JobStateCompleted, FinalizedAt: p.FinalizedAt[i]})
		}
	}
	if len(completed) > 0 {
		if err := e.Exec(ctx, "DELETE FROM river_job WHERE id = ANY($1) AND state = 'running'", completed); err != nil {
			return nil, fmt.Errorf("delete completed jobs: %w", err)
		}
	}
	if len(completed) == len(p.ID) {
		return rows, nil
	}
	others, err := e.Executor.JobSetStateIfRunningMany(ctx, p)
	return append(rows, others...), err
}

// SupportsListenNotify returns false, so that River sends no NOTIFY.
func (Driver) SupportsListenNotify() bool { return false }

// SupportsListener returns false, so that River does not LISTEN.
func (Driver) SupportsListener() bool { return false }
