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
	// Timeout is how long one job may take, with the time that its worker needs to store the result. A job that runs
	// longer than rescueAfter counts as lost with its server and runs again elsewhere, so Timeout must be shorter.
	Timeout     = time.Minute
	rescueAfter = 2 * time.Minute
	// cancelTimeout is how long cancelled jobs may take to end.
	cancelTimeout = 15 * time.Second
)

// Register adds a package's workers, with the queues that they work.
type Register func(workers *river.Workers, queues map[string]river.QueueConfig) error

// RuntimeOptions say how jobs are worked. Zero values are the defaults.
type RuntimeOptions struct {
	// Log gets failed jobs and River's warnings. Nil: no log.
	Log *slog.Logger
	// PollEvery is the interval between polls for queued jobs; new jobs are not announced (see Driver). While there are none
	// it is twice as long. 0: 500 ms.
	PollEvery time.Duration
	// RestAfter is how long there must be no job to work before River rests. 0: a minute.
	RestAfter time.Duration
}

// Runtime works the queued jobs. It must be the server's only River client: River's leader manages the jobs of all
// servers, and gives a job up where its own client has no worker for the job. Any number of servers may have a runtime on
// one database.
//
// River runs only while there are jobs to work. It wakes up some thirty times a second, which would be half of what a quiet
// server does.
type Runtime struct {
	*river.Client[pgx.Tx]
	jobs      *pgxpool.Pool
	log       *slog.Logger
	pollEvery time.Duration
	restAfter time.Duration

	end   context.CancelFunc // of the watch
	ended chan struct{}

	awake  bool      // River runs; only the watch, and Stop after it, touch these
	worked time.Time // when there was a job last
	looked time.Time
}

// NewRuntime makes a runtime with the workers of several packages; Start starts it.
func NewRuntime(pool *pgxpool.Pool, o RuntimeOptions, register ...Register) (*Runtime, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.PollEvery <= 0 {
		o.PollEvery = 500 * time.Millisecond
	}
	if o.RestAfter <= 0 {
		o.RestAfter = time.Minute
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
		// A queued mail always has a job, by which lists find it (Mails): the job of a mail is not dropped when it is given up.
		DiscardedJobRetentionPeriod: -1,
		SoftStopTimeout:             Timeout,
		Logger:                      quiet(o.Log),
		ErrorHandler:                reporter{o.Log},
	})
	if err != nil {
		return nil, fmt.Errorf("open the job queue: %w", err)
	}
	return &Runtime{Client: client, jobs: pool, log: o.Log, pollEvery: o.PollEvery, restAfter: o.RestAfter}, nil
}

// Start begins to work jobs, and returns. When ctx ends, no new job starts, as with Stop.
func (r *Runtime) Start(ctx context.Context) {
	watching, end := context.WithCancel(ctx)
	r.end, r.ended = end, make(chan struct{})
	go func() {
		defer close(r.ended)
		Every(watching, 2*r.pollEvery, nil, Task{
			Trouble: "the job queue cannot be read; jobs wait", Recovered: "the job queue is read again", Log: r.log,
			Do: func(watching context.Context) (bool, error) { return false, r.watch(watching, ctx) },
		})
	}()
}

// watch starts River when there are jobs to work, and stops it when there have been none for some time. River runs until ctx ends,
// or Stop is called.
func (r *Runtime) watch(watching, ctx context.Context) error {
	now := time.Now()
	if r.awake && now.Sub(r.looked) < r.restAfter/4 {
		return nil
	}
	some, err := r.some(watching)
	if err != nil {
		return err
	}
	r.looked = now
	if some {
		r.worked = now
	}
	switch {
	case some && !r.awake:
		if err := r.Client.Start(ctx); err != nil {
			return fmt.Errorf("start working jobs: %w", err)
		}
		r.awake = true
	case r.awake && now.Sub(r.worked) > r.restAfter:
		if err := r.Client.Stop(watching); err != nil { // Stop repeats it
			return fmt.Errorf("stop working jobs: %w", err)
		}
		r.awake = false
	}
	return nil
}

// some reports whether there are jobs to work now. A running one counts: if its server is lost, River must run somewhere to
// rescue it.
func (r *Runtime) some(ctx context.Context) (some bool, err error) {
	err = r.jobs.QueryRow(ctx, `SELECT EXISTS (SELECT FROM river_job WHERE state IN ('available', 'running'))
		OR EXISTS (SELECT FROM river_job WHERE state IN ('scheduled', 'retryable') AND scheduled_at <= now())`).Scan(&some)
	if err != nil {
		return false, fmt.Errorf("look for jobs: %w", err)
	}
	return some, nil
}

// Stop starts no new job and waits for the running jobs. If ctx ends first, Stop cancels these jobs and waits up to
// cancelTimeout for them to end; a runtime works them again later. It does nothing before Start.
func (r *Runtime) Stop(ctx context.Context) error {
	if !r.endWatch() {
		return nil
	}
	r.awake = false
	err := r.Client.Stop(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	if err := r.Client.StopAndCancel(late); err != nil {
		return fmt.Errorf("cancel jobs: %w", err)
	}
	return nil
}

// StopAndCancel starts no new job, cancels the running ones, and waits for them until ctx ends. It does nothing before Start.
func (r *Runtime) StopAndCancel(ctx context.Context) error {
	if !r.endWatch() {
		return nil
	}
	return r.Client.StopAndCancel(ctx)
}

// endWatch ends what starts and stops River, and reports whether River runs.
func (r *Runtime) endWatch() bool {
	if r.end == nil {
		return false
	}
	r.end()
	<-r.ended
	return r.awake
}
