package page

import (
	"strings"

	"gorm.io/gorm/clause"
)

// Kind is the type of a key's values, as a cursor keeps them.
type Kind int

const (
	Text Kind = iota
	Integer
	Decimal
	Time
	ID
	Float
)

// mark is the parameter for a value of the kind in SQL. Without the cast a parameter takes its column's type, and a
// smallint cannot hold every whole number that a cursor can.
func (k Kind) mark() string {
	switch k {
	case Integer:
		return "CAST(? AS bigint)"
	case Float:
		return "CAST(? AS double precision)"
	}
	return "?"
}

// Key is one column that a list is sorted by. Missing values come last in both directions.
type Key[T any] struct {
	Name     string // in cursors; an order refuses the cursors of an order with other names
	Column   string // SQL, never from a caller's input
	Reads    string // the column that Of reads, where it is not Column
	Kind     Kind
	Desc     bool
	Nullable bool
	Groups   *Groups[T]   // nil if the key is a column
	Of       func(*T) any // a string, int, float64, decimal.Decimal, time.Time or uuid.UUID; nil where missing
}

// Order is the keys that a list is sorted by. The last key is unique.
type Order[T any] []Key[T]

// Reads are the columns, without their table, that a row must have for its cursor.
func (o Order[T]) Reads() []string {
	columns := make([]string, 0, len(o))
	for _, k := range o {
		switch {
		case k.Groups != nil: // Fill reads the key
		case k.Reads != "":
			columns = append(columns, k.Reads)
		default:
			columns = append(columns, k.Column[strings.LastIndexByte(k.Column, '.')+1:])
		}
	}
	return columns
}

func (o Order[T]) names() string {
	var b strings.Builder
	for _, k := range o {
		b.WriteString(k.Name)
		if k.Desc {
			b.WriteByte('-')
		}
		b.WriteByte(' ')
	}
	return b.String()
}

func (o Order[T]) by(backward bool) clause.OrderBy {
	columns := make([]string, len(o))
	for i, k := range o {
		columns[i] = k.Column
		if k.Desc != backward {
			columns[i] += " DESC"
		}
		switch {
		case k.Nullable && backward:
			columns[i] += " NULLS FIRST"
		case k.Nullable:
			columns[i] += " NULLS LAST"
		}
	}
	return clause.OrderBy{Expression: clause.Expr{SQL: strings.Join(columns, ", ")}}
}

// beyond is the condition of the rows after a position, or before it. A position of fewer values than keys is compared
// by the first keys only; if equal is set, rows that are equal by these keys are beyond the position as well.
//
// Where no key can be missing and all run in one direction, the condition is one row value, which an index answers.
// Otherwise it is written out key by key.
func (o Order[T]) beyond(at position, backward, equal bool) clause.Expr {
	keys := o[:len(at)]
	uniform := true
	for _, k := range keys {
		uniform = uniform && !k.Nullable && k.Desc == keys[0].Desc
	}
	if uniform {
		columns, marks := make([]string, len(keys)), make([]string, len(keys))
		for i, k := range keys {
			columns[i], marks[i] = k.Column, k.Kind.mark()
		}
		comparison := sign(keys[0].Desc == backward)
		if equal {
			comparison += "="
		}
		return clause.Expr{
			SQL:  "(" + strings.Join(columns, ", ") + ") " + comparison + " (" + strings.Join(marks, ", ") + ")",
			Vars: at,
		}
	}
	var ors []string
	var vars []any
	var same []string
	var sameVars []any
	for i, k := range keys {
		past, equals := "", ""
		switch {
		case at[i] == nil && backward:
			past, equals = k.Column+" IS NOT NULL", k.Column+" IS NULL"
		case at[i] == nil:
			past, equals = "false", k.Column+" IS NULL"
		default:
			past, equals = k.Column+" "+sign(k.Desc == backward)+" "+k.Kind.mark(), k.Column+" = "+k.Kind.mark()
			if k.Nullable && !backward {
				past = "(" + past + " OR " + k.Column + " IS NULL)"
			}
		}
		ors = append(ors, strings.Join(append(same[:len(same):len(same)], past), " AND "))
		vars = append(vars, sameVars...)
		if at[i] != nil {
			vars = append(vars, at[i])
			sameVars = append(sameVars, at[i])
		}
		same = append(same, equals)
	}
	if equal {
		ors, vars = append(ors, strings.Join(same, " AND ")), append(vars, sameVars...)
	}
	sql := "(" + strings.Join(ors, " OR ") + ")"
	if k := keys[0]; !k.Nullable { // implied by the rest; an index scan on the first key begins at the position only with it
		sql = k.Column + " " + sign(k.Desc == backward) + "= " + k.Kind.mark() + " AND " + sql
		vars = append([]any{at[0]}, vars...)
	}
	return clause.Expr{SQL: sql, Vars: vars}
}

func sign(greater bool) string {
	if greater {
		return ">"
	}
	return "<"
}
