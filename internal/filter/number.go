package filter

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

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
		// Without the cast a parameter takes the column's type, and a smallint cannot hold every Int.
		"eq":  one("= CAST(? AS bigint)", func(have, want int) bool { return have == want }),
		"gte": one(">= CAST(? AS bigint)", func(have, want int) bool { return have >= want }),
		"lte": one("<= CAST(? AS bigint)", func(have, want int) bool { return have <= want }),
		"in": func(v any) (expr, error) {
			want, err := readList(p, v, model.UnmarshalInt)
			return isIn(f.column, "CAST(? AS bigint)", "CAST(? AS bigint[])", want, func(s *Subject) bool { return has(want, f.get(s)) }), err
		},
	})
}

type decimalField struct {
	column
	get func(*Subject) *decimal.Decimal
}

func (f decimalField) parse(p *parser, v any) (expr, error) {
	one := func(sql string, holds func(order int) bool) func(any) (expr, error) {
		return func(v any) (expr, error) {
			want, err := model.UnmarshalDecimal(v)
			return compare(f.column, sql, want, func(s *Subject) bool { have := f.get(s); return have != nil && holds(have.Cmp(want)) }), err
		}
	}
	return p.operators(v, map[string]func(any) (expr, error){
		// Without the cast a parameter takes the column's type, which holds 20 digits before the point at most.
		"eq":     one("= CAST(? AS numeric)", func(order int) bool { return order == 0 }),
		"gte":    one(">= CAST(? AS numeric)", func(order int) bool { return order >= 0 }),
		"lte":    one("<= CAST(? AS numeric)", func(order int) bool { return order <= 0 }),
		"isNull": isNullOperator(f.column, func(s *Subject) bool { return f.get(s) == nil }),
	})
}

type floatField struct {
	column
	get func(*Subject) *float64
}

func (f floatField) parse(p *parser, v any) (expr, error) {
	one := func(sql string, holds func(have, want float64) bool) func(any) (expr, error) {
		return func(v any) (expr, error) {
			want, err := readFloat(v)
			return compare(f.column, sql, want, func(s *Subject) bool { have := f.get(s); return have != nil && holds(*have, want) }), err
		}
	}
	return p.operators(v, map[string]func(any) (expr, error){
		"gte":    one(">= CAST(? AS double precision)", func(have, want float64) bool { return have >= want }),
		"lte":    one("<= CAST(? AS double precision)", func(have, want float64) bool { return have <= want }),
		"isNull": isNullOperator(f.column, func(s *Subject) bool { return f.get(s) == nil }),
	})
}

func isNullOperator(c column, missing func(*Subject) bool) func(any) (expr, error) {
	return func(v any) (expr, error) {
		want, err := readBool(v)
		return isNull(c, want, missing), err
	}
}

// readFloat reads a GraphQL Float (spec, section 3.5.2), which is finite. NaN must be refused: PostgreSQL sorts it
// above every number, while in Go every comparison with it is false.
func readFloat(v any) (float64, error) {
	f := math.NaN()
	switch v := v.(type) {
	case float64:
		f = v
	case int64:
		f = float64(v)
	case int:
		f = float64(v)
	case json.Number:
		if read, err := strconv.ParseFloat(v.String(), 64); err == nil {
			f = read
		}
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fault.New(fault.CodeBadUserInput, "expected a finite number")
	}
	return f, nil
}
