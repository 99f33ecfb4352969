package filter

import (
	"slices"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// anyAllNone reads the operators any, all and none of a field that is a list. one makes the condition that a row has
// at least one of the items, all the condition that it has every one; all is called with distinct items.
func anyAllNone[T comparable](p *parser, v any, read func(any) (T, error), one, all func([]T) expr) (expr, error) {
	return p.operators(v, map[string]func(any) (expr, error){
		"any": func(v any) (expr, error) {
			want, err := readList(p, v, read)
			return one(want), err
		},
		"none": func(v any) (expr, error) {
			want, err := readList(p, v, read)
			return notOf{one(want)}, err
		},
		"all": func(v any) (expr, error) {
			want, err := readList(p, v, read)
			var distinct []T
			for _, w := range want {
				if !slices.Contains(distinct, w) {
					distinct = append(distinct, w)
				}
			}
			if len(distinct) == 0 {
				return allOf{}, err
			}
			return all(distinct), err
		},
	})
}

type driversField struct {
	column // a list of folded texts
}

func (f driversField) parse(p *parser, v any) (expr, error) {
	has := func(s *Subject, want string) bool {
		return slices.ContainsFunc(s.Response.Drivers, func(d string) bool { return s.fold(d).text == want })
	}
	shares := func(operator string, want []string, matches func(*Subject) bool) leaf {
		return leaf{
			writeSQL: func(b *sqlBuilder) {
				f.writeCondition(b, func(ref string) string {
					return "(" + ref + operator + " CAST(? AS text[]) AND " + ref + notEmpty + ")"
				}, pg.Array(want))
			},
			matches: func(s *Subject, _ model.UserID) bool { return matches(s) },
		}
	}
	return anyAllNone(p, v, readFolded,
		func(want []string) expr {
			return shares(" &&", want, func(s *Subject) bool {
				return slices.ContainsFunc(want, func(w string) bool { return has(s, w) })
			})
		},
		func(want []string) expr {
			return shares(" @>", want, func(s *Subject) bool {
				return !slices.ContainsFunc(want, func(w string) bool { return !has(s, w) })
			})
		})
}

// themesField reads the response's current themes: a deleted theme is on no response.
type themesField struct{}

func (themesField) parse(p *parser, v any) (expr, error) {
	one := func(want []model.ThemeID) expr {
		return leaf{
			writeSQL: func(b *sqlBuilder) {
				b.put("EXISTS (SELECT 1 FROM "+tagsOf(b)+" AND x.theme_id = ANY(?))", pg.Array(model.UUIDs(want)))
			},
			matches: func(s *Subject, _ model.UserID) bool {
				return slices.ContainsFunc(s.Themes, func(t model.Theme) bool { return slices.Contains(want, t.ID) })
			},
		}
	}
	return anyAllNone(p, v, readID[model.ThemeID], one, func(want []model.ThemeID) expr {
		first := one(want[:1]) // an index narrows the rows before PostgreSQL counts
		if len(want) == 1 {
			return first
		}
		return allOf{first, leaf{
			writeSQL: func(b *sqlBuilder) {
				b.put("(SELECT count(*) FROM "+tagsOf(b)+" AND x.theme_id = ANY(?)) = CAST(? AS bigint)", pg.Array(model.UUIDs(want)), len(want))
			},
			matches: func(s *Subject, _ model.UserID) bool {
				return !slices.ContainsFunc(want, func(id model.ThemeID) bool {
					return !slices.ContainsFunc(s.Themes, func(t model.Theme) bool { return t.ID == id })
				})
			},
		}}
	})
}

type effortField struct{}

func (effortField) parse(p *parser, v any) (expr, error) {
	want, err := readList(p, v, oneOf(stringsOf(model.Easy, model.Medium, model.Hard)))
	return leaf{
		writeSQL: func(b *sqlBuilder) {
			b.put("EXISTS (SELECT 1 FROM "+tagsOf(b)+" AND t.effort = ANY(?))", pg.Array(want))
		},
		matches: func(s *Subject, _ model.UserID) bool {
			return slices.ContainsFunc(s.Themes, func(t model.Theme) bool { return slices.Contains(want, string(t.Effort)) })
		},
	}, err
}

// tagsOf is the SQL of the row's tags as x, joined with their themes as t.
func tagsOf(b *sqlBuilder) string {
	return "response_themes x JOIN themes t ON t.id = x.theme_id AND t.deleted_at IS NULL WHERE x.response_id = " + responseID(b)
}

// responseID is the column with the response's id in the table that is filtered.
func responseID(b *sqlBuilder) string {
	if b.table == "cases" {
		return "cases.response_id"
	}
	return "responses.id"
}
