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

// NextRetry is for a job that failed without an update of its row: the database did not answer, or the job panicked.
func (w *worker) NextRetry(j *river.Job[job.SendMail]) time.Time {
	return time.Now().Add(w.backoff(j.Attempt))
}

// Work tries to send a mail once. It stores the mail server's errors in the row, and returns an error only where the row
// could not be read or written.
func (w *worker) Work(ctx context.Context, j *river.Job[job.SendMail]) error {
	n, err := loadRow[model.Notification](w.db.Gorm.WithContext(ctx), j.Args.NotificationID)
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil
	case err != nil:
		return err
	case n.Status != model.NotificationQueued:
		return nil // the job ran again after the mail was finished
	case w.server == nil:
		w.log.DebugContext(ctx, "mail not sent: no mail server is configured", "notification", n.ID.String())
		return w.finish(ctx, n, map[string]any{"status": model.NotificationNotSent})
	}

	n.Attempts++
	err = w.attempt(ctx, n)
	if err == nil {
		w.log.DebugContext(ctx, "mail sent", "notification", n.ID.String(), "attempts", n.Attempts)
		return w.finish(ctx, n, map[string]any{
			"status": model.NotificationSent, "attempts": n.Attempts,
			"sent_at": pg.Timestamp(time.Now()),
		})
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err() // this server stops, which does not count as a try; another server tries again
	}
	reason := w.server.explain(err)
	if _, final := errors.AsType[permanentError](err); final || n.Attempts >= triesMax {
		w.log.WarnContext(ctx, "mail given up", "notification", n.ID.String(), "attempts", n.Attempts, "error", reason)
		return w.finish(ctx, n, map[string]any{
			"status": model.NotificationFailed, "attempts": n.Attempts, "last_error": reason,
		})
	}
	wait := w.backoff(n.Attempts)
	w.log.InfoContext(ctx, "mail not sent yet", "notification", n.ID.String(), "attempts", n.Attempts, "again in", wait, "error", reason)
	return w.retryLater(ctx, n, reason, wait)
}

// errInternal is the error that the row shows for an internal error; the log has the details.
var errInternal = errors.New("an internal error: see the server's log")

func (w *worker) attempt(ctx context.Context, n *model.Notification) error {
	data, err := load(w.db.Gorm.WithContext(ctx), n)
	if err == nil {
		err = data.restrict(w.db.Gorm.WithContext(ctx), time.Now())
	}
	if _, withheld := errors.AsType[permanentError](err); withheld {
		return err
	}
	if err != nil {
		w.log.ErrorContext(ctx, "a mail could not be prepared", "notification", n.ID.String(), "error", err)
		return errInternal
	}
	to, err := parseTo(n.To)
	if err != nil {
		return permanentError{err}
	}
	m, err := w.writer.write(data, to)
	if err != nil {
		w.log.ErrorContext(ctx, "a mail could not be written", "notification", n.ID.String(), "error", err)
		return errInternal
	}
	return w.server.send(ctx, w.writer.from, to, m)
}

// finish writes the final status; the job is removed when Work has returned. The condition on the current status keeps the
// first final status.
func (w *worker) finish(ctx context.Context, n *model.Notification, end map[string]any) error {
	// The status of a sent mail must be written even while the server stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := ifQueued(w.db.Gorm.WithContext(ctx), n).Updates(end).Error; err != nil {
		return fmt.Errorf("write the status of notification %s: %w", n.ID, err)
	}
	return nil
}

// retryLater stores the error and postpones the job. A snooze uses up none of River's attempts and logs no error, because
// an unavailable mail server is not a failure of the job.
func (w *worker) retryLater(ctx context.Context, n *model.Notification, reason string, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	err := ifQueued(w.db.Gorm.WithContext(ctx), n).Updates(map[string]any{"attempts": n.Attempts, "last_error": reason}).Error
	if err != nil {
		return fmt.Errorf("write the error of notification %s: %w", n.ID, err)
	}
	return river.JobSnooze(wait)
}

func ifQueued(db *gorm.DB, n *model.Notification) *gorm.DB {
	return db.Model(&model.Notification{}).Where("id = ? AND status = ?", n.ID, model.NotificationQueued)
}
