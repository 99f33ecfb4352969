package filter

import (
	"strings"
	"time"
)

// operators adds up the operators of a condition.
func (w weigher) operators(v any, each func(name string, v any) Weight) Weight {
	m, _ := v.(map[string]any)
	sum := Nothing
	for _, name := range sorted(m) {
		if m[name] != nil {
			sum = sum.And(each(name, m[name]))
		}
	}
	return sum
}

// missing is the share of the rows that have no value, or that have one.
func missing(v any) float64 {
	if v == true {
		return some
	}
	return 1 - some
}

// values multiplies a share by the number of values that are asked for.
func values(v any, share float64) float64 { return min(1, share*float64(max(1, len(listOf(v))))) }

func (f nested) weigh(w weigher, v any) Weight { return w.object(v, f.of) }

func (f enumField) weigh(w weigher, v any) Weight    { return f.compare(w, values(v, some)) }
func (f boolField) weigh(w weigher, _ any) Weight    { return f.compare(w, some) }
func (f presentField) weigh(w weigher, _ any) Weight { return f.compare(w, half) }
func (f idField[T]) weigh(w weigher, v any) Weight {
	if f.name == "assignee_id" { // a user has many cases
		return f.compare(w, values(v, few*4))
	}
	return f.compare(w, values(v, single))
}
func (mineField) weigh(weigher, any) Weight     { return byIndex(few * 4) }
func (overdueField) weigh(weigher, any) Weight  { return byIndex(some) }
func (ruleField) weigh(weigher, any) Weight     { return elsewhere(half) }
func (refField) weigh(weigher, any) Weight      { return byIndex(single) }
func (outreachField) weigh(weigher, any) Weight { return elsewhere(half) }
func (effortField) weigh(weigher, any) Weight   { return elsewhere(half) }
func (contactField) weigh(w weigher, v any) Weight {
	return onResponse("contact_status").compare(w, values(v, some))
}

func (hasCaseField) weigh(w weigher, _ any) Weight {
	if w.table == "cases" {
		return Nothing
	}
	return elsewhere(half)
}

// identifying are the columns whose values few rows have in common.
var identifying = map[string]bool{"external_id_fold": true, "email_fold": true, "phone_fold": true}

func (f textField) weigh(w weigher, v any) Weight {
	if identifying[f.name] {
		return f.text(w, v, single)
	}
	return f.text(w, v, few)
}

func (f countryField) weigh(w weigher, v any) Weight { return textField(f).text(w, v, some/3) }

func (f textField) text(w weigher, v any, share float64) Weight {
	return w.operators(v, func(name string, v any) Weight {
		switch name {
		case "contains":
			return f.part(w, v)
		case "startsWith":
			if f.own == "response_texts" {
				return f.part(w, v)
			}
			return f.compare(w, values(v, 0.02))
		case "isNull":
			if f.own == "response_texts" {
				return Weight{Read: 1, Match: half, Once: 4 * matchTable}
			}
			return f.compare(w, missing(v))
		}
		if f.own == "response_texts" {
			return Weight{Read: few, Match: few, Row: decideText, Once: searchIndex}
		}
		return f.compare(w, values(v, share))
	})
}

func (f attributeField) weigh(w weigher, v any) Weight {
	m, _ := v.(map[string]any)
	return w.operators(m["value"], func(name string, v any) Weight {
		switch {
		case name == "eq" && f.own == w.table:
			return byIndex(single)
		case name == "eq":
			return Weight{Read: single, Match: single, Row: decideText, Once: searchIndex / 10}
		case f.own == w.table:
			return Weight{Read: 1, Match: single, Row: decideText}
		}
		return Weight{Read: 1, Match: single, Row: decideText, Once: scanObjects}
	})
}

func (f driversField) weigh(w weigher, v any) Weight {
	return w.operators(v, func(name string, _ any) Weight {
		one := Weight{Read: 1, Match: some / 3, Row: decideText, Once: matchTable}
		if name == "none" {
			return one.not()
		}
		return one
	})
}

func (themesField) weigh(w weigher, v any) Weight {
	return w.operators(v, func(name string, v any) Weight {
		one := Weight{Read: 1, Match: values(v, some), Once: matchTable}
		if name == "none" {
			return one.not()
		}
		return one
	})
}

func (f customerSearch) weigh(w weigher, v any) Weight {
	s, _ := v.(string)
	sum := Nothing
	for word := range strings.FieldsSeq(s) {
		sum = sum.And(f.part(w, word+" ")) // a word begins with a blank, which is a sign for the index
	}
	return sum
}

func (f responseSearch) weigh(_ weigher, v any) Weight {
	s, _ := v.(string)
	words := float64(len(strings.Fields(s)))
	return Weight{Read: 0.05, Match: 0.05, Row: decideText, Once: words * searchIndex / 3}
}

func (f intField) weigh(w weigher, v any) Weight {
	return w.operators(v, func(name string, v any) Weight {
		switch {
		case name == "gte" || name == "lte":
			return f.compare(w, half)
		case f.name == "number":
			return f.compare(w, values(v, single))
		}
		return f.compare(w, values(v, some/2))
	})
}

func (f decimalField) weigh(w weigher, v any) Weight {
	return w.operators(v, func(name string, v any) Weight {
		switch name {
		case "eq":
			return f.compare(w, few)
		case "isNull":
			return f.compare(w, missing(v))
		}
		return f.compare(w, half)
	})
}

func (f floatField) weigh(w weigher, v any) Weight {
	return w.operators(v, func(string, any) Weight { return f.compare(w, half) })
}

// year is the time over which rows are taken to be spread.
const year = 365 * 24 * time.Hour

func (f timeField) weigh(w weigher, v any) Weight {
	return w.operators(v, func(name string, v any) Weight {
		if name == "isNull" {
			return f.compare(w, missing(v))
		}
		if d, err := readDuration(v); err == nil && (name == "withinLast" || name == "withinNext") {
			return f.compare(w, min(1, max(single, float64(d)/float64(year))))
		}
		return f.compare(w, half)
	})
}
