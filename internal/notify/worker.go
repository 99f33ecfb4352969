package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// worker sends one notification for each job.
type worker struct {
	river.WorkerDefaults[job.SendMail]
	db      *pg.DB
	server  *server // nil: no mail server is configured
	writer  *writer
	log     *slog.Logger
	backoff func(attempt int) time.Duration
}

// NextRetry is for a job that failed without a word on the row: the database did not answer, or it panicked.
func (w *worker) NextRetry(j *river.Job[job.SendMail]) time.Time {
	return time.Now().Add(w.backoff(j.Attempt))
}

// Work is one try. It returns an error only where the row could not be read or written; what the mail server says
// goes onto the row.
func (w *worker) Work(ctx context.Context, j *river.Job[job.SendMail]) error {
	n, err := take[model.Notification](w.db.Gorm.WithContext(ctx), j.Args.NotificationID)
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil
	case err != nil:
		return err
	case n.Status != model.NotificationQueued:
		return nil // the job ran again after the row was done
	case w.server == nil:
		w.log.DebugContext(ctx, "mail not sent: no mail server is configured", "notification", n.ID.String())
		return w.finish(ctx, j, n, map[string]any{"status": model.NotificationNotSent})
	}

	n.Attempts++
	err = w.try(ctx, n)
	if err == nil {
		w.log.DebugContext(ctx, "mail sent", "notification", n.ID.String(), "attempts", n.Attempts)
		return w.finish(ctx, j, n, map[string]any{
			"status": model.NotificationSent, "attempts": n.Attempts,
			"sent_at": pg.Timestamp(time.Now()),
		})
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err() // the server stops: no try of the mail's; the next one that runs does it
	}
	said := w.server.explain(err)
	if _, final := errors.AsType[refused](err); final || n.Attempts >= tries {
		w.log.WarnContext(ctx, "mail given up", "notification", n.ID.String(), "attempts", n.Attempts, "error", said)
		return w.finish(ctx, j, n, map[string]any{
			"status": model.NotificationFailed, "attempts": n.Attempts, "last_error": said,
		})
	}
	wait := w.backoff(n.Attempts)
	w.log.InfoContext(ctx, "mail not sent yet", "notification", n.ID.String(), "attempts", n.Attempts, "again in", wait, "error", said)
	return w.later(ctx, n, said, wait)
}

// errOurs is all that the row says of a fault of our own, which the log has in full.
var errOurs = errors.New("an internal error: see the server's log")

func (w *worker) try(ctx context.Context, n *model.Notification) error {
	l, err := load(w.db.Gorm.WithContext(ctx), n)
	if err == nil {
		err = l.suit(w.db.Gorm.WithContext(ctx), time.Now())
	}
	if _, withheld := errors.AsType[refused](err); withheld {
		return err
	}
	if err != nil {
		w.log.ErrorContext(ctx, "a mail could not be prepared", "notification", n.ID.String(), "error", err)
		return errOurs
	}
	to, err := parseTo(n.To)
	if err != nil {
		return refused{err}
	}
	m, err := w.writer.write(l, to)
	if err != nil {
		w.log.ErrorContext(ctx, "a mail could not be written", "notification", n.ID.String(), "error", err)
		return errOurs
	}
	return w.server.send(ctx, w.writer.from, to, m)
}

// finish writes the notification's end and completes the job, in one transaction. The condition on the status keeps
// the first end that was written.
func (w *worker) finish(ctx context.Context, j *river.Job[job.SendMail], n *model.Notification, end map[string]any) error {
	// A mail that has gone out is written down although the server stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recording)
	defer cancel()
	err := w.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := queued(tx, n).Updates(end).Error; err != nil {
			return err
		}
		_, err := river.JobCompleteTx[job.Driver](ctx, pg.Raw(tx), j)
		return err
	})
	if err != nil {
		return fmt.Errorf("write down what became of notification %s: %w", n.ID, err)
	}
	return nil
}

// later keeps what went wrong, and puts the job off. A snooze costs none of River's attempts and logs no error: a
// mail server that is down is nothing that River needs to know.
func (w *worker) later(ctx context.Context, n *model.Notification, said string, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recording)
	defer cancel()
	err := queued(w.db.Gorm.WithContext(ctx), n).Updates(map[string]any{"attempts": n.Attempts, "last_error": said}).Error
	if err != nil {
		return fmt.Errorf("write down what went wrong with notification %s: %w", n.ID, err)
	}
	return river.JobSnooze(wait)
}

func queued(db *gorm.DB, n *model.Notification) *gorm.DB {
	return db.Model(&model.Notification{}).Where("id = ? AND status = ?", n.ID, model.NotificationQueued)
}
