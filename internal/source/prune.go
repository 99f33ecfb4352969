package source

import (
	"context"
	"log/slog"
	"time"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
)

const (
	pruneEvery  = time.Hour
	payloadTime = 30 * 24 * time.Hour // how long payloads are kept
)

// Watch removes old payloads once an hour, until ctx ends. Every server runs it.
func (s *Sources) Watch(ctx context.Context, log *slog.Logger) {
	job.Every(ctx, pruneEvery, nil, job.Task{
		Trouble: "cannot remove old payloads of sources; trying again in an hour", Log: log,
		Do: func(ctx context.Context) (more bool, err error) { return false, s.Prune(ctx) },
	})
}

// Prune removes payloads, and errors that may quote them, after 30 days. What became of the delivery stays.
func (s *Sources) Prune(ctx context.Context) error {
	return pg.WrapErr("remove old payloads", s.db.Lane(pg.Background).Gorm.WithContext(ctx).Exec(`UPDATE source_deliveries SET payload = NULL, error = NULL
		WHERE received_at < ? AND (payload IS NOT NULL OR error IS NOT NULL)`, s.clock().Add(-payloadTime)).Error)
}
