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

// apply checks the fields of the input and sets them on the theme. It returns all faults together; the theme is then of no use.
func (in UpdateThemeInput) apply(t *model.Theme, now time.Time) error {
	var faults []error
	refuse := func(err error) { faults = append(faults, err) }
	var err error
	if v, ok := in.Name.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("name"))
	} else if ok {
		if t.Name, err = model.CheckName(*v); err != nil {
			refuse(fault.Input("input.name", "%s", err.Error()))
		}
		t.NameFold = model.Fold(t.Name)
	}
	if v, ok := in.Keywords.ValueOK(); ok {
		t.Keywords, err = checkKeywords(v)
		refuse(err)
	}
	if v, ok := in.Effort.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("effort"))
	} else if ok {
		t.Effort = *v
	}
	if v, ok := in.ResolvedAt.ValueOK(); ok {
		if v != nil && v.After(now) {
			refuse(fault.Input("input.resolvedAt", "resolvedAt must not be in the future"))
		}
		t.ResolvedAt = v
	}
	return fault.Join(faults...)
}

// checkKeywords checks the keywords and removes duplicates without regard to case. The first spelling stays.
func checkKeywords(list []string) (model.Strings, error) {
	if len(list) > keywordsMax {
		return nil, fault.Input("input.keywords", "at most %d keywords", keywordsMax)
	}
	words := model.Strings{}
	var faults []error
	seen := map[string]bool{}
	for i, k := range list {
		at := fmt.Sprintf("input.keywords[%d]", i)
		k = strings.TrimSpace(k)
		err := keyword.Check(k)
		if err == nil {
			err = model.CheckText(k)
		}
		if err != nil {
			faults = append(faults, fault.Input(at, "%s", err.Error()))
		}
		if fold := model.Fold(k); !seen[fold] {
			seen[fold] = true
			words = append(words, k)
		}
	}
	return words, fault.Join(faults...)
}
