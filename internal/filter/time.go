package filter

import (
	"encoding/json"
	"io"
	"time"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/model"
)

type timeField struct {
	column
	get func(*Subject) *time.Time
}

func (f timeField) parse(p *parser, v any) (expr, error) {
	have := func(s *Subject, holds func(time.Time) bool) bool { t := f.get(s); return t != nil && holds(*t) }
	window := func(v any, back, ahead time.Duration) (expr, error) {
		d, err := readDuration(v)
		return leaf{
			writeSQL: func(b *sqlBuilder) {
				f.writeCondition(b, func(ref string) string { return "(" + ref + " >= ? AND " + ref + " <= ?)" }, b.now.Add(back*d), b.now.Add(ahead*d))
			},
			matches: func(s *Subject, _ model.UserID) bool {
				return have(s, func(t time.Time) bool { return !t.Before(s.now().Add(back*d)) && !t.After(s.now().Add(ahead*d)) })
			},
		}, err
	}
	return p.operators(v, map[string]func(any) (expr, error){
		"gte": func(v any) (expr, error) {
			want, err := model.UnmarshalDateTime(v)
			return compare(f.column, ">= ?", want, func(s *Subject) bool { return have(s, func(t time.Time) bool { return !t.Before(want) }) }), err
		},
		"lt": func(v any) (expr, error) {
			want, err := model.UnmarshalDateTime(v)
			return compare(f.column, "< ?", want, func(s *Subject) bool { return have(s, func(t time.Time) bool { return t.Before(want) }) }), err
		},
		"withinLast": func(v any) (expr, error) { return window(v, -1, 0) },
		"withinNext": func(v any) (expr, error) { return window(v, 0, 1) },
		"isNull":     isNullOperator(f.column, func(s *Subject) bool { return f.get(s) == nil }),
	})
}

// Time is a TimeFilter of a list's own argument, on one column.
type Time struct{ v any }

// UnmarshalGQL reads a TimeFilter.
func (t *Time) UnmarshalGQL(v any) error {
	t.v = v
	_, err := t.tree("x")
	return err
}

// MarshalGQL writes the filter as the caller wrote it.
func (t Time) MarshalGQL(w io.Writer) { _ = json.NewEncoder(w).Encode(t.v) }

// Where is the filter as a condition on a column. The column's SQL must never be a caller's text. A nil filter matches
// everything.
func (t *Time) Where(sql string, now time.Time) clause.Expression {
	if t == nil {
		return matchAll
	}
	x, err := t.tree(sql)
	if err != nil { // UnmarshalGQL has parsed the same value
		return clause.Expr{SQL: "false"}
	}
	whole := tree{root: x}
	return whole.where(&entity{}, model.UserID{}, now)
}

func (t *Time) tree(sql string) (expr, error) {
	return timeField{column: column{fixed: sql}}.parse(&parser{}, t.v)
}
