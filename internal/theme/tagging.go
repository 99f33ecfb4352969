package theme

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/model"
)

// BeginTagging queues, in tx, a run that applies a theme's keywords to past responses. It is called with the keywords
// locked, and the run begins when tx is committed. An earlier run of the theme ends.
func (s *Themes) BeginTagging(ctx context.Context, tx *gorm.DB, theme model.ThemeID) error {
	run := model.ThemeRun{ThemeID: theme, Run: model.NewUUID(), StartedAt: s.clock()}
	err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "theme_id"}}, UpdateAll: true}).Create(&run).Error
	if err != nil {
		return fmt.Errorf("begin a run of keywords: %w", err)
	}
	return s.queue.TagPast(ctx, tx, job.TagPast{ThemeID: theme, Run: run.Run})
}
