package casework

import (
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// readThemes reads whose keywords are looked for, once for the whole batch.
func (in *intake) readThemes() error {
	if err := theme.ShareKeywords(in.tx); err != nil {
		return err
	}
	err := in.tx.Where("deleted_at IS NULL AND keywords <> '[]'").Order("name_fold, id").Find(&in.themes).Error
	if err != nil {
		return fmt.Errorf("read the themes: %w", err)
	}
	in.words, err = keyword.Compile(in.themes)
	return err
}

// spoken gives the themes whose keywords are in a response's comment.
func (in *intake) spoken(r *model.Response) (themes []model.Theme) {
	if r.Comment == nil {
		return nil
	}
	for _, id := range in.words.Match(*r.Comment) {
		at := slices.IndexFunc(in.themes, func(t *model.Theme) bool { return t.ID == id })
		themes = append(themes, *in.themes[at])
	}
	return themes
}

// themesOf reads the themes of responses, but for deleted ones, by name.
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

// sameThemes compares what a snapshot holds of themes.
func sameThemes(a, b []model.Theme) bool {
	return slices.EqualFunc(a, b, func(x, y model.Theme) bool { return x.ID == y.ID })
}
