package filter

import (
	"slices"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// leaf is one condition on one field, in SQL and in Go.
type leaf struct {
	writeSQL func(*sqlBuilder)
	matches  func(*Subject, model.UserID) bool
}

func (l leaf) sql(b *sqlBuilder)                          { l.writeSQL(b) }
func (l leaf) match(s *Subject, viewer model.UserID) bool { return l.matches(s, viewer) }

// compare makes a leaf of a column, an SQL operator and the same comparison in Go.
func compare(c column, sql string, value any, matches func(*Subject) bool) leaf {
	return leaf{
		writeSQL: func(b *sqlBuilder) { c.writeCondition(b, func(ref string) string { return ref + " " + sql }, value) },
		matches:  func(s *Subject, _ model.UserID) bool { return matches(s) },
	}
}

// isIn makes a leaf of a list of values; value and list are the SQL of one parameter and of all. A list of one is
// compared with =: only then does an index that begins with the column return its rows in the order of the index's next
// column.
func isIn[T any](c column, value, list string, want []T, matches func(*Subject) bool) leaf {
	if len(want) == 1 {
		return compare(c, "= "+value, want[0], matches)
	}
	return compare(c, "= ANY("+list+")", pg.Array(want), matches)
}

func isNull(c column, want bool, missing func(*Subject) bool) leaf {
	word := " IS NOT NULL"
	if want {
		word = " IS NULL"
	}
	return leaf{
		writeSQL: func(b *sqlBuilder) { c.writeCondition(b, func(ref string) string { return ref + word }) },
		matches:  func(s *Subject, _ model.UserID) bool { return missing(s) == want },
	}
}

func negateUnless(want bool, x expr) expr {
	if want {
		return x
	}
	return notOf{x}
}

type nested struct {
	of   *entity
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
	want, err := readList(p, v, oneOf(f.values))
	return isIn(f.column, "?", "?", want, func(s *Subject) bool { return has(want, f.get(s)) }), err
}

func oneOf(values []string) func(any) (string, error) {
	return func(v any) (string, error) {
		s, ok := v.(string)
		if !ok || !slices.Contains(values, s) {
			return "", fault.New(fault.CodeBadUserInput, "expected one of %s", strings.Join(values, ", "))
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
	want, err := readList(p, v, readID[T])
	return isIn(f.column, "?", "?", model.UUIDs(want), func(s *Subject) bool { return has(want, f.get(s)) }), err
}

func readID[T model.AnyID](v any) (T, error) {
	var id T
	err := any(&id).(interface{ UnmarshalGQL(any) error }).UnmarshalGQL(v)
	return id, err
}
