package filter

import (
	"slices"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
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
		inSQL: func(b *sqlBuilder) { c.holds(b, func(place string) string { return place + " " + sql }, value) },
		inGo:  func(s *Subject, _ model.UserID) bool { return inGo(s) },
	}
}

// among makes a leaf of a list of values; value and list are how SQL writes one of them, and all. One alone is compared
// with =: only then does an index that begins with the column give its rows in the order of what comes next in it.
func among[T any](c column, value, list string, want []T, inGo func(*Subject) bool) leaf {
	if len(want) == 1 {
		return compare(c, "= "+value, want[0], inGo)
	}
	return compare(c, "= ANY("+list+")", pg.Array(want), inGo)
}

func isNull(c column, want bool, missing func(*Subject) bool) leaf {
	word := " IS NOT NULL"
	if want {
		word = " IS NULL"
	}
	return leaf{
		inSQL: func(b *sqlBuilder) { c.holds(b, func(place string) string { return place + word }) },
		inGo:  func(s *Subject, _ model.UserID) bool { return missing(s) == want },
	}
}

func unless(want bool, x expr) expr {
	if want {
		return x
	}
	return notOf{x}
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

type enumField struct {
	column
	get    func(*Subject) *string
	values []string
}

func (f enumField) parse(p *parser, v any) (expr, error) {
	want, err := each(p, v, oneOf(f.values))
	return among(f.column, "?", "?", want, func(s *Subject) bool { return has(want, f.get(s)) }), err
}

func oneOf(values []string) func(any) (string, error) {
	return func(v any) (string, error) {
		s, ok := v.(string)
		if !ok || !slices.Contains(values, s) {
			return "", fault.New(fault.CodeBadUserInput, "one of %s is asked for", list(values))
		}
		return s, nil
	}
}

type boolField struct {
	column
	get func(*Subject) *bool
}

func (f boolField) parse(_ *parser, v any) (expr, error) {
	want, err := readBool(v)
	return compare(f.column, "= ?", want, func(s *Subject) bool { have := f.get(s); return have != nil && *have == want }), err
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
