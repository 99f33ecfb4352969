package filter

import (
	"slices"
	"strings"

	"github.com/closeloop/closeloop/model"
)

// categoryField filters by the category of a score. Its SQL is a range of scores, written as numbers, so that PostgreSQL
// knows how many rows are in the range whatever the plan, and one index serves scores and categories.
type categoryField struct {
	column
	get func(*Subject) int
}

var (
	categories = stringsOf(model.Detractor, model.Passive, model.Promoter)
	rangeOf    = []string{" BETWEEN 0 AND 6", " BETWEEN 7 AND 8", " BETWEEN 9 AND 10"} // of each category
)

func (f categoryField) parse(p *parser, v any) (expr, error) {
	want, err := readList(p, v, oneOf(categories))
	return leaf{
		writeSQL: func(b *sqlBuilder) {
			f.writeCondition(b, func(ref string) string { return inCategories(ref, want) })
		},
		matches: func(s *Subject, _ model.UserID) bool {
			return slices.Contains(want, string(model.CategoryOf(f.get(s))))
		},
	}, err
}

func inCategories(score string, want []string) string {
	if len(want) == 0 {
		return "false"
	}
	var ranges []string
	for i, category := range categories {
		if slices.Contains(want, category) {
			ranges = append(ranges, score+rangeOf[i])
		}
	}
	return "(" + strings.Join(ranges, " OR ") + ")"
}
