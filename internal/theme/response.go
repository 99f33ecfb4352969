package theme

import (
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// themesOf reads the themes of responses, ordered by name and without deleted themes.
func themesOf(tx *gorm.DB, ids []model.ResponseID) (map[model.ResponseID][]model.Theme, error) {
	var rows []struct {
		ResponseID model.ResponseID
		model.Theme
	}
	err := tx.Raw(`SELECT x.response_id, t.* FROM response_themes x JOIN themes t ON t.id = x.theme_id AND t.deleted_at IS NULL
		WHERE x.response_id = ANY(?) ORDER BY t.name_fold, t.id`, pg.Array(model.UUIDs(ids))).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the themes of responses: %w", err)
	}
	themes := map[model.ResponseID][]model.Theme{}
	for _, row := range rows {
		themes[row.ResponseID] = append(themes[row.ResponseID], row.Theme)
	}
	return themes, nil
}

// Of reads the themes of one response, ordered by name and without deleted themes.
func Of(tx *gorm.DB, id model.ResponseID) ([]model.Theme, error) {
	themes, err := themesOf(tx, []model.ResponseID{id})
	return themes[id], err
}

// Same reports whether two lists hold the same themes in the same order.
func Same(a, b []model.Theme) bool {
	return slices.EqualFunc(a, b, func(x, y model.Theme) bool { return x.ID == y.ID })
}
