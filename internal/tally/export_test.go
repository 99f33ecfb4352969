package tally

import (
	"context"
	"time"

	"github.com/closeloop/closeloop/internal/event"
)

// Answer is Count, and tells where its answer stands in the log.
func (t *Tally) Answer(ctx context.Context, q Question) (event.Stand, []Row, bool, error) {
	return t.answer(ctx, q)
}

// Tune sets how many values a property may have.
func (t *Tally) Tune(most int) {
	for _, k := range t.kept {
		k.most = most
	}
}

// Column is how PostgreSQL reads the key of a case, and the join that it needs.
func Column(by Property) (column, join string) { return properties[by].column, properties[by].join }

// Age makes what was counted as old as numbers may become.
func (t *Tally) Age() {
	for _, k := range t.kept {
		k.counted = time.Now().Add(-countEvery - time.Second)
	}
}
