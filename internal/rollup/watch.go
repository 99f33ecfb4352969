package rollup

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
)

const (
	mergeEvery = 15 * time.Second
	mergeFrom  = 1000               // rows that other rows of their hours make superfluous
	keepHours  = "interval '1 day'" // at least: what is kept of a question that nobody asks for longer is counted again
)

// Watch lets changes be believed that triggers note, and keeps them few, until ctx ends. Every server runs it; one works at a
// time.
func Watch(ctx context.Context, db *pg.DB, log *slog.Logger) {
	db = db.Lane(pg.Background)
	job.Every(ctx, mergeEvery, nil, job.Task{
		Trouble: "the noted changes of responses cannot be merged; figures may take longer", Log: log,
		Do: func(ctx context.Context) (more bool, err error) { return false, tidy(ctx, db, mergeFrom) },
	})
}

// tidyNeeded is false where the steps would do nothing. Ids of transactions that are yet to come are those of another cluster, in a
// dump from which this database was restored.
const tidyNeeded = `SELECT NOT EXISTS (SELECT FROM changed_hours_horizon)
	OR EXISTS (SELECT FROM changed_hours_horizon WHERE next_at < now() - ` + keepHours + ` OR ` + foreign + `)
	OR (SELECT count(*) - count(DISTINCT hour) > $1 FROM changed_hours)`

const foreign = `greatest(complete_from, next) > pg_snapshot_xmax(pg_current_snapshot())`

// tidySteps run one after the other in a transaction, under a lock. None waits for a writer: it changes only rows of
// transactions that have ended.
var tidySteps = []string{
	`WITH gone AS (DELETE FROM changed_hours_horizon WHERE ` + foreign + ` RETURNING 1) DELETE FROM changed_hours WHERE EXISTS (SELECT FROM gone)`,
	// What was noted before the row is not believed, so nothing is missing from it.
	`INSERT INTO changed_hours_horizon (life, complete_from, next, next_at)
	SELECT gen_random_uuid(), at, at, now() FROM pg_snapshot_xmin(pg_current_snapshot()) at ON CONFLICT DO NOTHING`,
	`WITH moved AS (UPDATE changed_hours_horizon SET complete_from = next, next = pg_snapshot_xmin(pg_current_snapshot()), next_at = now()
		WHERE next_at < now() - ` + keepHours + ` RETURNING complete_from)
	DELETE FROM changed_hours USING moved WHERE xid < moved.complete_from`,
	// An hour keeps its newest transaction: who has not counted one of them has not counted that one.
	`WITH merged AS (DELETE FROM changed_hours WHERE (SELECT count(*) - count(DISTINCT hour) > $1 FROM changed_hours) RETURNING hour, xid)
	INSERT INTO changed_hours (hour, xid) SELECT DISTINCT ON (hour) hour, xid FROM merged ORDER BY hour, xid DESC`,
}

func tidy(ctx context.Context, db *pg.DB, superfluous int) error {
	var needed bool
	if err := db.Pool.QueryRow(ctx, tidyNeeded, superfluous).Scan(&needed); err != nil {
		return fmt.Errorf("look at the noted changes: %w", err)
	}
	if !needed {
		return nil
	}
	return pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock(hashtext('closeloop changed hours'))").Scan(&mine); err != nil || !mine {
			return err
		}
		for i, step := range tidySteps {
			var args []any
			if i == len(tidySteps)-1 {
				args = append(args, superfluous)
			}
			if _, err := tx.Exec(ctx, step, args...); err != nil {
				return fmt.Errorf("merge the noted changes: %w", err)
			}
		}
		return nil
	})
}
