package filter

import (
	"slices"
	"strings"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// leaf is one condition on one field, said twice.
type leaf struct {
	inSQL func(*sqlBuilder)
	inGo  func(*Subject, model.UserID) bool
}

func (l leaf) sql(b *sqlBuilder)                          { l.inSQL(b) }
func (l leaf) match(s *Subject, viewer model.UserID) bool { return l.inGo(s, viewer) }

// compare makes a leaf of a column, an operator of SQL and the same in Go.
func compare(c column, sql string, value any, inGo func(*Subject) bool) leaf {
	return leaf{
		inSQL: func(b *sqlBuilder) { b.put(c.in(b.table)+" "+sql, value) },
		inGo:  func(s *Subject, _ model.UserID) bool { return inGo(s) },
	}
}

// among makes a leaf of a list of values; value and list are how SQL writes one of them, and all. One alone is compared
// with =: only then does an index that begins with the column give its rows in the order of what comes next in it.
func among[T any](c column, value, list string, want []T, inGo func(*Subject) bool) leaf {
	if len(want) == 1 {
		return compare(c, "= "+value, want[0], inGo)
	}
	return compare(c, "= ANY("+list+")", array{want}, inGo)
}

func isNull(c column, want bool, missing func(*Subject) bool) leaf {
	word := " IS NOT NULL"
	if want {
		word = " IS NULL"
	}
	return leaf{
		inSQL: func(b *sqlBuilder) { b.put(c.in(b.table) + word) },
		inGo:  func(s *Subject, _ model.UserID) bool { return missing(s) == want },
	}
}

type nested struct {
	of   *noun
	wrap func(expr) expr
}

func (f nested) parse(p *parser, v any) (expr, error) {
	x, err := p.object(v, f.of)
	if err == nil && f.wrap != nil {
		x = f.wrap(x)
	}
	return x, err
}

type intField struct {
	column
	get func(*Subject) *int
}

func (f intField) parse(p *parser, v any) (expr, error) {
	one := func(sql string, holds func(have, want int) bool) func(any) (expr, error) {
		return func(v any) (expr, error) {
			want, err := model.UnmarshalInt(v)
			return compare(f.column, sql, want, func(s *Subject) bool { have := f.get(s); return have != nil && holds(*have, want) }), err
		}
	}
	return p.operators(v, map[string]func(any) (expr, error){
		// The casts: a parameter takes the column's type, and a smallint has no room for every Int.
		"eq":  one("= CAST(? AS bigint)", func(have, want int) bool { return have == want }),
		"gte": one(">= CAST(? AS bigint)", func(have, want int) bool { return have >= want }),
		"lte": one("<= CAST(? AS bigint)", func(have, want int) bool { return have <= want }),
		"in": func(v any) (expr, error) {
			want, err := each(p, v, model.UnmarshalInt)
			return among(f.column, "CAST(? AS bigint)", "CAST(? AS bigint[])", want, func(s *Subject) bool { return has(want, f.get(s)) }), err
		},
	})
}

type textField struct {
	column // folded
	get    func(*Subject) *string
}

func (f textField) parse(p *parser, v any) (expr, error) {
	return textOperators(p, v, f.column, f.get, model.Fold)
}

type countryField textField

func (f countryField) parse(p *parser, v any) (expr, error) {
	return textOperators(p, v, f.column, f.get, func(s string) string { return strings.ToUpper(model.Fold(s)) })
}

func textOperators(p *parser, v any, c column, get func(*Subject) *string, fold func(string) string) (expr, error) {
	folded := func(v any) (string, error) {
		s, err := model.UnmarshalString(v)
		return fold(s), err
	}
	have := func(s *Subject) *string {
		if raw := get(s); raw != nil {
			text := fold(*raw)
			return &text
		}
		return nil
	}
	return p.operators(v, map[string]func(any) (expr, error){
		"eq": func(v any) (expr, error) {
			want, err := folded(v)
			return compare(c, "= ?", want, func(s *Subject) bool { h := have(s); return h != nil && *h == want }), err
		},
		"in": func(v any) (expr, error) {
			want, err := each(p, v, folded)
			return among(c, "?", "?", want, func(s *Subject) bool { return has(want, have(s)) }), err
		},
		"isNull": func(v any) (expr, error) {
			want, err := readBool(v)
			return isNull(c, want, func(s *Subject) bool { return get(s) == nil }), err
		},
	})
}

type timeField struct {
	column
	get func(*Subject) *time.Time
}

func (f timeField) parse(p *parser, v any) (expr, error) {
	have := func(s *Subject, holds func(time.Time) bool) bool { t := f.get(s); return t != nil && holds(*t) }
	window := func(v any, back, ahead time.Duration) (expr, error) {
		d, err := readDuration(v)
		return leaf{
			inSQL: func(b *sqlBuilder) {
				b.put("("+f.in(b.table)+" >= ? AND "+f.in(b.table)+" <= ?)", b.now.Add(back*d), b.now.Add(ahead*d))
			},
			inGo: func(s *Subject, _ model.UserID) bool {
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
		"isNull": func(v any) (expr, error) {
			want, err := readBool(v)
			return isNull(f.column, want, func(s *Subject) bool { return f.get(s) == nil }), err
		},
	})
}

type enumField struct {
	column
	get    func(*Subject) string
	values []string
}

func (f enumField) parse(p *parser, v any) (expr, error) {
	want, err := each(p, v, func(v any) (string, error) {
		s, ok := v.(string)
		if !ok || !slices.Contains(f.values, s) {
			return "", fault.New(fault.BadUserInput, "one of %s is asked for", list(f.values))
		}
		return s, nil
	})
	return among(f.column, "?", "?", want, func(s *Subject) bool { return slices.Contains(want, f.get(s)) }), err
}

type boolField struct {
	column
	get func(*Subject) bool
}

func (f boolField) parse(_ *parser, v any) (expr, error) {
	want, err := readBool(v)
	return compare(f.column, "= ?", want, func(s *Subject) bool { return f.get(s) == want }), err
}

type presentField struct {
	column
	get func(*Subject) bool
}

func (f presentField) parse(_ *parser, v any) (expr, error) {
	want, err := readBool(v)
	return isNull(f.column, !want, func(s *Subject) bool { return !f.get(s) }), err
}

type idField[T model.AnyID] struct {
	column
	get func(*Subject) *T
}

func (f idField[T]) parse(p *parser, v any) (expr, error) {
	want, err := each(p, v, readID[T])
	return among(f.column, "?", "?", model.UUIDs(want), func(s *Subject) bool { return has(want, f.get(s)) }), err
}

func readID[T model.AnyID](v any) (T, error) {
	var id T
	err := any(&id).(interface{ UnmarshalGQL(any) error }).UnmarshalGQL(v)
	return id, err
}
