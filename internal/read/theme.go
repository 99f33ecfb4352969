package read

import (
	"context"
	"fmt"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Themes lists the themes, sorted by name.
func (r *Reader) Themes(ctx context.Context) ([]*model.Theme, error) {
	themes := []*model.Theme{}
	err := r.db.WithContext(ctx).Where("deleted_at IS NULL").Order("name_fold, id").Find(&themes).Error
	if err != nil {
		return nil, fmt.Errorf("list themes: %w", err)
	}
	return themes, nil
}

func (r *Reader) themesOf(ctx context.Context, ids []model.ResponseID) (map[model.ResponseID][]*model.Theme, error) {
	var rows []struct {
		OfResponse model.ResponseID
		model.Theme
	}
	err := r.db.WithContext(ctx).Raw(`SELECT x.response_id AS of_response, t.* FROM response_themes x JOIN themes t ON t.id = x.theme_id AND t.deleted_at IS NULL
		WHERE x.response_id = ANY(?) ORDER BY t.name_fold, t.id`, pg.Array(model.UUIDs(ids))).Scan(&rows).Error
	found := emptyLists[model.ResponseID, *model.Theme](ids)
	for i := range rows {
		found[rows[i].OfResponse] = append(found[rows[i].OfResponse], &rows[i].Theme)
	}
	return found, err
}
