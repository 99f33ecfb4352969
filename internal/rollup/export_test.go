package rollup

import (
	"context"

	"github.com/closeloop/closeloop/internal/pg"
)

// Tidy merges what is noted when so many rows are superfluous.
func Tidy(ctx context.Context, db *pg.DB, superfluous int) error { return tidy(ctx, db, superfluous) }

// NewBounded makes a rollup that keeps so many bytes, and so many rows and groups of a question.
func NewBounded(db *pg.DB, total, rows, keys int) *Rollup {
	return newRollup(db.Gorm, total, rows, keys)
}

// Kept returns how many questions are known, and the bytes that are counted for them.
func (r *Rollup) Kept() (questions, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept.Len(), r.bytes
}

const MostChanged = mostChanged
