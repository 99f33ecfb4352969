package theme

import (
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// tagState is what is stored of one response and one theme.
type tagState struct {
	tagged bool
	byHand bool // a person set or removed the theme: keywords change nothing
}

func (s tagState) and(row tagRow) tagState {
	return tagState{s.tagged || row.Tagged, s.byHand || row.ByHand}
}

// change reports what keywords do, which are found in the comment or not.
func (s tagState) change(found bool) (add, drop bool) {
	return !s.byHand && found && !s.tagged, !s.byHand && !found && s.tagged
}

// tagRow is a tag, or a tag that a person removed.
type tagRow struct {
	ResponseID     model.ResponseID
	ThemeID        model.ThemeID
	Tagged, ByHand bool
}

func readTags(tx *gorm.DB, where string, args ...any) (rows []tagRow, err error) {
	err = tx.Raw("SELECT response_id, theme_id, true AS tagged, by_hand FROM response_themes WHERE "+where+
		" UNION ALL SELECT response_id, theme_id, false, true FROM response_theme_removals WHERE "+where, append(args, args...)...).Scan(&rows).Error
	return rows, pg.WrapErr("read tags", err)
}

// Retagging is what a new comment changes of the themes of a response.
type Retagging struct {
	Themes []model.Theme // that the response will have, by name

	response model.ResponseID
	add      []*model.Tag
	drop     []uuid.UUID
}

// Retag applies the keywords of all themes to the new comment of a stored response. It writes nothing; AddTo does.
func (m *Matcher) Retag(tx *gorm.DB, response model.ResponseID, comment *string) (*Retagging, error) {
	rows, err := readTags(tx, "response_id = ?", response)
	if err != nil {
		return nil, err
	}
	states := map[model.ThemeID]tagState{}
	for _, row := range rows {
		states[row.ThemeID] = states[row.ThemeID].and(row)
	}
	found := map[model.ThemeID]bool{}
	for _, t := range m.Match(comment) {
		found[t.ID] = true
		if _, stored := states[t.ID]; !stored {
			states[t.ID] = tagState{}
		}
	}
	r := &Retagging{response: response}
	has := []uuid.UUID{}
	for id, state := range states {
		add, drop := state.change(found[id])
		switch {
		case add:
			r.add = append(r.add, &model.Tag{ResponseID: response, ThemeID: id})
		case drop:
			r.drop = append(r.drop, id.UUID)
		}
		if add || state.tagged && !drop {
			has = append(has, id.UUID)
		}
	}
	err = tx.Where("deleted_at IS NULL AND id = ANY(?)", pg.Array(has)).Order("name_fold, id").Find(&r.Themes).Error
	if err != nil {
		return nil, fmt.Errorf("read the themes of a response: %w", err)
	}
	return r, nil
}

// AddTo adds to a pipeline what writes the change.
func (r *Retagging) AddTo(p *pg.Pipeline) {
	if len(r.drop) > 0 {
		p.Exec("untag a response", "DELETE FROM response_themes WHERE response_id = $1 AND theme_id = ANY($2)", r.response, r.drop)
	}
	pg.AddInsert(p, "tag responses", r.add)
}
