package theme

import (
	"fmt"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/model"
)

const keywordsMax = 200 // for one theme

// CreateThemeInput is a new theme.
type CreateThemeInput struct {
	Name        string
	Keywords    []string
	Effort      model.Effort
	ApplyToPast bool
}

// UpdateThemeInput is a change of a theme: an absent field keeps its value, null clears it.
type UpdateThemeInput struct {
	ThemeID     model.ThemeID
	Name        graphql.Omittable[*string]
	Keywords    graphql.Omittable[[]string]
	Effort      graphql.Omittable[*model.Effort]
	ResolvedAt  graphql.Omittable[*time.Time]
	ApplyToPast bool
}

// apply checks the fields of the input and sets them on the theme.
func (in UpdateThemeInput) apply(t *model.Theme, now time.Time) (err error) {
	if v, ok := in.Name.ValueOK(); ok {
		if v == nil {
			return fault.NotNull("name")
		}
		if t.Name, err = model.CheckName(*v); err != nil {
			return fault.Input("input.name", "%s", err.Error())
		}
		t.NameFold = model.Fold(t.Name)
	}
	if v, ok := in.Keywords.ValueOK(); ok {
		if t.Keywords, err = checkKeywords(v); err != nil {
			return err
		}
	}
	if v, ok := in.Effort.ValueOK(); ok {
		if v == nil {
			return fault.NotNull("effort")
		}
		t.Effort = *v
	}
	if v, ok := in.ResolvedAt.ValueOK(); ok {
		if v != nil && v.After(now) {
			return fault.Input("input.resolvedAt", "resolvedAt must not be in the future")
		}
		t.ResolvedAt = v
	}
	return nil
}

// checkKeywords checks the keywords and removes duplicates without regard to case. The first spelling stays.
func checkKeywords(list []string) (model.Strings, error) {
	if len(list) > keywordsMax {
		return nil, fault.Input("input.keywords", "at most %d keywords", keywordsMax)
	}
	words := model.Strings{}
	seen := map[string]bool{}
	for i, k := range list {
		at := fmt.Sprintf("input.keywords[%d]", i)
		k = strings.TrimSpace(k)
		if err := keyword.Check(k); err != nil {
			return nil, fault.Input(at, "%s", err.Error())
		}
		if err := model.CheckText(k); err != nil {
			return nil, fault.Input(at, "%s", err.Error())
		}
		if fold := model.Fold(k); !seen[fold] {
			seen[fold] = true
			words = append(words, k)
		}
	}
	return words, nil
}
