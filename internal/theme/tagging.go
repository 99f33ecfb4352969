package theme

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/model"
)

// BeginTagging queues, in tx, a run that applies a theme's keywords to past responses. The caller has locked the keywords,
// and the run begins after tx is committed. It replaces an earlier run of the theme.
func (s *Themes) BeginTagging(ctx context.Context, tx *gorm.DB, theme model.ThemeID) error {
	run := model.ThemeRun{ThemeID: theme, Run: model.NewUUID(), StartedAt: s.clock()}
	err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "theme_id"}}, UpdateAll: true}).Create(&run).Error
	if err != nil {
		return fmt.Errorf("begin a run over past responses: %w", err)
	}
	return s.queue.TagPast(ctx, tx, job.TagPast{ThemeID: theme, Run: run.Run})
}
