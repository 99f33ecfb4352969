// Package job owns work in the background: what a job is called and carries, how it is queued in the caller's transaction,
// the runtime that works the queues, and the loop of work that is done again and again. A job that is rolled back was
// never queued; a job that is committed will be done, by whichever server is free.
//
// It refuses to do the work itself: a worker lives in the package of its subject (such as package notify) and registers
// with the runtime. A caller that queues a job does not wait for it.
package job

import (
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/closeloop/closeloop/model"
)

// SendMail asks for one notification to be sent. It carries the row's id alone: all else is read when the mail is
// written, so that data erased meanwhile is not in it.
type SendMail struct {
	NotificationID model.NotificationID `json:"notificationId"`
}

// Kind is the job's name in the queue; jobs that wait across an upgrade carry it, so it never changes.
func (SendMail) Kind() string { return "send_mail" }

// InsertOpts is River's hook for the options of every such job. River's own count of attempts is a net below the
// worker's, which gives a mail up by itself and counts tries in the row: it only ends a job that panics every time.
// There is no uniqueness here: the notifications' indexes see to it, and Mail makes one job for one new row.
func (SendMail) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 300}
}

// Queue puts jobs into the queue.
type Queue struct {
	river *river.Client[pgx.Tx]
}

// NewQueue makes a queue that is only added to; it runs nothing and needs no stopping.
func NewQueue(pool *pgxpool.Pool, log *slog.Logger) (*Queue, error) {
	client, err := river.NewClient(NewDriver(pool), &river.Config{Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open the job queue: %w", err)
	}
	return &Queue{river: client}, nil
}
