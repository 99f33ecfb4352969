package job

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

const (
	// Timeout is how long one job may take. A worker that must write a result down takes its own time out of it. A job
	// that runs past rescueAfter counts as lost with its server and runs again elsewhere, so Timeout is the shorter one.
	Timeout     = time.Minute
	rescueAfter = 2 * time.Minute
	// breakOff is how long broken-off jobs may take to end.
	breakOff = 15 * time.Second
)

// Register adds a package's workers, with the queues that they work.
type Register func(workers *river.Workers, queues map[string]river.QueueConfig) error

// RuntimeOptions say how jobs are worked. The zero values are good.
type RuntimeOptions struct {
	// Log gets failed jobs and River's warnings. Nil: nowhere.
	Log *slog.Logger
	// PollEvery is how often to look for queued jobs; there is no notification of new jobs (see Driver). 0: 500 ms.
	PollEvery time.Duration
}

// Runtime works all queued jobs of a server. It is the server's only River client: River's leader looks after the jobs of
// all servers, and gives a job up if it has no worker for it. Any number of runtimes may work on one database.
type Runtime struct {
	*river.Client[pgx.Tx]
}

// NewRuntime makes a runtime that does not run yet, of the workers of several packages.
func NewRuntime(pool *pgxpool.Pool, o RuntimeOptions, register ...Register) (*Runtime, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.PollEvery <= 0 {
		o.PollEvery = 500 * time.Millisecond
	}
	workers, queues := river.NewWorkers(), map[string]river.QueueConfig{}
	for _, add := range register {
		if err := add(workers, queues); err != nil {
			return nil, fmt.Errorf("register workers: %w", err)
		}
	}
	client, err := river.NewClient(NewDriver(pool), &river.Config{
		Queues:  queues,
		Workers: workers,
		// While servers are upgraded one by one, a job that this server does not know waits for a server that does.
		FetchOnlyKnownKinds:  true,
		PollOnly:             true,
		FetchPollInterval:    o.PollEvery,
		FetchCooldown:        min(o.PollEvery, river.FetchCooldownDefault),
		JobTimeout:           Timeout,
		RescueStuckJobsAfter: rescueAfter,
		SoftStopTimeout:      Timeout,
		Logger:               quiet(o.Log),
		ErrorHandler:         reporter{o.Log},
	})
	if err != nil {
		return nil, fmt.Errorf("open the job queue: %w", err)
	}
	return &Runtime{client}, nil
}

// Start begins to work jobs, and returns. When ctx ends, no new job is begun, as with Stop.
func (r *Runtime) Start(ctx context.Context) error {
	if err := r.Client.Start(ctx); err != nil {
		return fmt.Errorf("start working jobs: %w", err)
	}
	return nil
}

// Stop begins no new job and waits for the jobs under way. If ctx ends first, these jobs are broken off, which takes a
// moment more, and the next runtime that runs does them.
func (r *Runtime) Stop(ctx context.Context) error {
	err := r.Client.Stop(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), breakOff)
	defer cancel()
	if err := r.StopAndCancel(late); err != nil {
		return fmt.Errorf("break off jobs: %w", err)
	}
	return nil
}
