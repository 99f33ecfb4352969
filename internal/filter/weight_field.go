package filter

import "strings"

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

// frequent has the shares of values that many rows have.
var frequent = map[string]float64{
	"CLOSED": 0.9, "OPEN": 0.05, "IN_PROGRESS": 0.05, "DETRACTOR": 0.3, "PASSIVE": 0.2, "PROMOTER": 0.5, "RULE": 0.98, "NOT_CONTACTED": 0.6,
}

// valuesOf adds up the shares of the values of an enum.
func valuesOf(v any) (share float64) {
	for _, value := range listOf(v) {
		name, _ := value.(string)
		if often, known := frequent[name]; known {
			share += often
		} else {
			share += some
		}
	}
	return min(1, max(single, share))
}

func (f nested) weigh(w weigher, v any) Weight { return w.object(v, f.of) }

func (f enumField) weigh(w weigher, v any) Weight     { return f.compare(w, valuesOf(v)) }
func (f categoryField) weigh(w weigher, v any) Weight { return f.compare(w, valuesOf(v)) }
func (f boolField) weigh(w weigher, _ any) Weight     { return f.compare(w, some) }
func (f presentField) weigh(w weigher, _ any) Weight  { return f.compare(w, half) }
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
	return onResponse("contact_status").compare(w, valuesOf(v))
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
	switch {
	case identifying[f.name]:
		return f.text(w, v, single)
	case f.name == "segment_fold", f.name == "survey_fold":
		return f.text(w, v, some)
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
				return Weight{Read: 1, Match: half, Once: 4 * matchTable, Plan: planTable}
			}
			return f.compare(w, missing(v))
		}
		if f.own == "response_texts" {
			return Weight{Read: few, Match: few, Row: decideText, Once: searchIndex, Plan: planTable}
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
			return Weight{Read: single, Match: single, Row: decideText, Once: searchIndex / 10, Plan: planTable}
		case f.own == w.table:
			return Weight{Read: 1, Match: single, Row: decideText, Plan: planColumn}
		}
		return Weight{Read: 1, Match: single, Row: decideText, Once: scanObjects, Plan: planTable}
	})
}

func (f driversField) weigh(w weigher, v any) Weight {
	return w.operators(v, func(name string, _ any) Weight {
		one := Weight{Read: 1, Match: some / 3, Row: decideText, Once: matchTable, Plan: planTable}
		if name == "none" {
			return one.not()
		}
		return one
	})
}

func (themesField) weigh(w weigher, v any) Weight {
	return w.operators(v, func(name string, v any) Weight {
		one := elsewhere(values(v, some))
		if name == "none" {
			return one.not()
		}
		return one
	})
}

func (f customerSearch) weigh(w weigher, v any) Weight {
	s, _ := v.(string)
	sum, row := Nothing, 0.0
	for word := range strings.FieldsSeq(s) {
		if !unspaced(word) {
			word = " " + word // it begins with a blank, which is a sign for the index
		}
		one := f.part(w, word)
		row += one.Row
		sum = sum.And(one)
	}
	sum.Row = row // where one word is found, the others often are
	return sum
}

func (f responseSearch) weigh(w weigher, v any) Weight {
	s, _ := v.(string)
	sum := Weight{Read: 0.05, Match: 0.05, Row: decideText, Plan: planTable}
	for word := range strings.FieldsSeq(s) {
		if one := f.part(w, word); unspaced(word) && one.Read == 1 { // all comments are read for it
			sum.Read, sum.Once = 1, sum.Once+one.Once
		} else {
			sum.Once += searchIndex / 3
		}
	}
	return sum
}
