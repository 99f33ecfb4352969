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

// TagQueue is apart from the mails': a run over millions of responses must not keep them waiting.
const TagQueue = "themes"

// TagPast asks for a theme's keywords to be looked for in the responses of the past. How far it has come is in the
// row of the run, so that a job that is run again, or twice at once, does nothing twice.
type TagPast struct {
	ThemeID model.ThemeID `json:"themeId"`
	Run     uuid.UUID     `json:"run"`
}

// Kind is the job's name in the queue; jobs that wait across an upgrade carry it, so it never changes.
func (TagPast) Kind() string { return "tag_past" }

// InsertOpts is River's hook for the options of every such job.
func (TagPast) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: TagQueue, MaxAttempts: 300}
}

// TagPast queues the job, in tx. A nil queue does nothing, ever.
func (q *Queue) TagPast(ctx context.Context, tx *gorm.DB, of TagPast) error {
	if q == nil {
		return nil
	}
	if _, err := q.river.InsertTx(ctx, pg.Raw(tx), of, nil); err != nil {
		return fmt.Errorf("queue a run of keywords: %w", err)
	}
	return nil
}
