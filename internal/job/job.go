// Package job owns background work: the names and arguments of jobs, how a job is queued in the caller's transaction, the
// runtime that works the queues, and the loop that repeats a task. Rolling back the transaction removes its jobs;
// a committed job is worked by any server that is free.
//
// It refuses to do the work itself: a worker lives in the package of its subject (such as package notify) and registers
// with the runtime. A caller that queues a job does not wait for the job.
package job

import (
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/closeloop/closeloop/model"
)

// SendMail is the job that sends one notification. It carries only the row's id: the worker reads everything else when it
// writes the mail, so that data erased in the meantime is not in the mail.
type SendMail struct {
	NotificationID model.NotificationID `json:"notificationId"`
}

// Kind is the job's name in the queue. Jobs that wait during an upgrade carry this name, so it must never change.
func (SendMail) Kind() string { return "send_mail" }

// InsertOpts is River's hook for the options of every such job. The worker counts tries in the notification's row and
// gives a mail up by itself; River's own limit is higher and only ends a job that panics every time. The job is not
// unique in River: the indexes on notifications refuse duplicates, and Mail makes one job for each new row.
func (SendMail) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: mailAttempts}
}

// Mails is SQL that selects the ids of the notifications that have a job: all that are queued, and few others.
const Mails = "SELECT CAST(args->>'notificationId' AS uuid) FROM river_job WHERE kind = 'send_mail'"

// Queue adds jobs to the queue.
type Queue struct {
	river  *river.Client[pgx.Tx]
	unsent bool // see KeepUnsent
}

// NewQueue makes a queue that only adds jobs; it starts no goroutine and need not be stopped.
func NewQueue(pool *pgxpool.Pool, log *slog.Logger) (*Queue, error) {
	client, err := river.NewClient(NewDriver(pool), &river.Config{Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open the job queue: %w", err)
	}
	return &Queue{river: client}, nil
}
