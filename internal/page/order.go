package page

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
)

// Kind is the type of a key's values, as a cursor keeps them.
type Kind int

const (
	Text Kind = iota
	Whole
	Number
	Time
	ID
	Real
)

const numberMax = 100 // characters of a Number in a cursor

// mark stands for a value of the kind in SQL. Without the cast a parameter takes its column's type, and a smallint
// has no room for every whole number that a cursor can hold.
func (k Kind) mark() string {
	switch k {
	case Whole:
		return "CAST(? AS bigint)"
	case Real:
		return "CAST(? AS double precision)"
	}
	return "?"
}

// Key is one column that a list is sorted by. Missing values come last in both directions.
type Key[T any] struct {
	Name     string // in cursors; two orders of other names never take each other's
	Column   string // SQL, ours, never a caller's
	Kind     Kind
	Desc     bool
	Nullable bool
	Groups   *Groups[T]   // where no column holds the key; nil else
	Of       func(*T) any // a string, int, float64, decimal.Decimal, time.Time or fmt.Stringer-free uuid.UUID; nil where missing
}

// Order is what a list is sorted by; its last key is unique.
type Order[T any] []Key[T]

type place []any

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

func (o Order[T]) encode(row *T) string {
	values := make([]any, 0, len(o)+1)
	values = append(values, o.names())
	for _, k := range o {
		switch v := k.Of(row).(type) {
		case nil:
			values = append(values, nil)
		case time.Time:
			values = append(values, v.UTC().Format(time.RFC3339Nano))
		case int:
			values = append(values, strconv.Itoa(v))
		case float64:
			values = append(values, strconv.FormatFloat(v, 'g', -1, 64))
		case string:
			values = append(values, v)
		case decimal.Decimal:
			values = append(values, v.String())
		case uuid.UUID:
			values = append(values, v.String())
		default:
			panic("closeloop: a list is sorted by a type that cursors do not know")
		}
	}
	raw, _ := json.Marshal(values) // strings and nils always marshal
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (o Order[T]) decode(cursor string) (place, error) {
	wrong := fault.New(fault.CodeBadUserInput, "this is not a cursor of this list in this order")
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, wrong
	}
	var values []*string
	if json.Unmarshal(raw, &values) != nil || len(values) != len(o)+1 || values[0] == nil || *values[0] != o.names() {
		return nil, wrong
	}
	at := make(place, len(o))
	for i, k := range o {
		v := values[i+1]
		if v == nil {
			if !k.Nullable {
				return nil, wrong
			}
			continue
		}
		switch k.Kind {
		case Text:
			if strings.ContainsRune(*v, 0) {
				return nil, wrong
			}
			at[i] = *v
		case Whole:
			at[i], err = strconv.ParseInt(*v, 10, 64)
		case Number: // we write no exponents: a few letters must not become a million digits
			if len(*v) > numberMax || strings.ContainsAny(*v, "eE") {
				return nil, wrong
			}
			at[i], err = decimal.NewFromString(*v)
		case Real:
			at[i], err = strconv.ParseFloat(*v, 64)
		case Time:
			at[i], err = time.Parse(time.RFC3339Nano, *v)
		case ID:
			at[i], err = uuid.Parse(*v)
		}
		if err != nil {
			return nil, wrong
		}
	}
	return at, nil
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

// beyond is the condition of the rows after a place, or before it. Where no key can be missing and all run the same
// way it is one row value, which an index answers; else it is spelled out key by key.
func (o Order[T]) beyond(at place, backward bool) clause.Expression {
	uniform := true
	for _, k := range o {
		uniform = uniform && !k.Nullable && k.Desc == o[0].Desc
	}
	if uniform {
		columns, marks := make([]string, len(o)), make([]string, len(o))
		for i, k := range o {
			columns[i], marks[i] = k.Column, k.Kind.mark()
		}
		return clause.Expr{
			SQL:  "(" + strings.Join(columns, ", ") + ") " + sign(o[0].Desc == backward) + " (" + strings.Join(marks, ", ") + ")",
			Vars: at,
		}
	}
	var ors []string
	var vars []any
	var same []string
	var sameVars []any
	for i, k := range o {
		past, equal := "", ""
		switch {
		case at[i] == nil && backward:
			past, equal = k.Column+" IS NOT NULL", k.Column+" IS NULL"
		case at[i] == nil:
			past, equal = "false", k.Column+" IS NULL"
		default:
			past, equal = k.Column+" "+sign(k.Desc == backward)+" "+k.Kind.mark(), k.Column+" = "+k.Kind.mark()
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
		same = append(same, equal)
	}
	sql := "(" + strings.Join(ors, " OR ") + ")"
	if k := o[0]; !k.Nullable { // says nothing new, but an index on the first key then begins at the place
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
