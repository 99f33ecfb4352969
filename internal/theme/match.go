package theme

import (
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/model"
)

// Matcher finds themes in comments by their keywords.
type Matcher struct {
	themes []*model.Theme
	words  *keyword.Set
}

// ReadMatcher reads all themes that have keywords.
func ReadMatcher(tx *gorm.DB) (*Matcher, error) {
	m := new(Matcher)
	err := tx.Where("deleted_at IS NULL AND keywords <> '[]'").Order("name_fold, id").Find(&m.themes).Error
	if err != nil {
		return nil, fmt.Errorf("read the themes: %w", err)
	}
	m.words, err = keyword.Compile(m.themes)
	return m, err
}

// Match returns the themes whose keywords occur in a comment. A nil comment has none.
func (m *Matcher) Match(comment *string) (themes []model.Theme) {
	if comment == nil {
		return nil
	}
	for _, id := range m.words.Match(*comment) {
		at := slices.IndexFunc(m.themes, func(t *model.Theme) bool { return t.ID == id })
		themes = append(themes, *m.themes[at])
	}
	return themes
}
