package audit

import (
	"context"
	"log/slog"
	"time"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
)

const (
	pruneEvery = time.Hour
	pruneBatch = 10_000 // entries deleted by one statement
)

// WatchRetention deletes entries that are older than the settings keep them, once an hour, until ctx ends. Every server
// runs it; one server skips the entries that another server is deleting.
func WatchRetention(ctx context.Context, db *pg.DB, now func() time.Time, log *slog.Logger) {
	job.Every(ctx, pruneEvery, nil, job.Task{
		Trouble: "cannot delete old entries of the audit; trying again in an hour", Log: log,
		Do: func(ctx context.Context) (more bool, err error) {
			_, err = Prune(ctx, db, now())
			return false, err
		},
	})
}

// Prune deletes the entries that are older than the settings keep them, and returns their number.
func Prune(ctx context.Context, db *pg.DB, now time.Time) (deleted int, err error) {
	for {
		batch := db.Gorm.WithContext(ctx).Exec(`DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events
			WHERE at < CAST(? AS timestamptz) - make_interval(days => (SELECT audit_retention_days FROM settings)) ORDER BY at LIMIT ? FOR UPDATE SKIP LOCKED)`,
			now.UTC(), pruneBatch)
		deleted += int(batch.RowsAffected)
		if batch.Error != nil || batch.RowsAffected < pruneBatch {
			return deleted, pg.WrapErr("delete old entries of the audit", batch.Error)
		}
	}
}
