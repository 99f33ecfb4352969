package job

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// TagQueue is a queue of its own: a run over millions of responses must not delay mails.
const TagQueue = "themes"

// TagPast is the job that applies a theme's keywords to the responses received before. The row of the run stores the
// progress, so a job that runs again, or twice at the same time, repeats no work.
type TagPast struct {
	ThemeID model.ThemeID `json:"themeId"`
	Run     uuid.UUID     `json:"run"`
}

// Kind is the job's name in the queue. Jobs that wait during an upgrade carry this name, so it must never change.
func (TagPast) Kind() string { return "tag_past" }

// InsertOpts is River's hook for the options of every such job.
func (TagPast) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: TagQueue, MaxAttempts: 300}
}

// TagPast queues the job, in tx. A nil queue does nothing.
func (q *Queue) TagPast(ctx context.Context, tx *gorm.DB, args TagPast) error {
	if q == nil {
		return nil
	}
	if _, err := q.river.InsertTx(ctx, pg.Raw(tx), args, nil); err != nil {
		return fmt.Errorf("queue the tagging of past responses: %w", err)
	}
	return nil
}
