package cost

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/filter"
)

// weighKey is a variable that is used as a filter of a type.
type weighKey struct{ variable, ofType string }

// conditionsMost is how many conditions in filters the pricer weighs: so many that no operation could pay for them.
const conditionsMost = 50_000

// endless is the weight of the filters beyond.
var endless = filter.Weight{Read: 1, Match: 1, Once: most * pointMicros}

// weigh weighs the filter of a list or a figure.
func (p *pricer) weigh(f *ast.Field) filter.Weight {
	sum := filter.Nothing
	for _, arg := range f.Arguments {
		def := f.Definition.Arguments.ForName(arg.Name)
		if def == nil {
			continue
		}
		w, ok := p.weighArgument(def.Type.Name(), arg)
		if ok {
			sum = sum.And(w)
		}
	}
	return sum
}

func (p *pricer) weighArgument(ofType string, arg *ast.Argument) (filter.Weight, bool) {
	if ofType == "CaseEventType" {
		return filter.Weight{Read: 1, Match: min(1, eventType*float64(len(list(p.argumentValue(arg)))))}, true
	}
	if p.conditions > conditionsMost {
		return endless, strings.HasSuffix(ofType, "Filter")
	}
	key := weighKey{ofType: ofType}
	if arg.Value.Kind == ast.Variable {
		key.variable = arg.Value.Raw
		if w, known := p.weighed[key]; known {
			return w, true
		}
	}
	v := p.argumentValue(arg)
	w, ok := filter.Weigh(ofType, v)
	if !ok {
		return otherFilter(ofType, v)
	}
	p.conditions += w.Conditions
	if key.variable != "" {
		p.weighed[key] = w
	}
	return w, true
}

// otherFilter is the weight of a filter on notes, notifications or users.
func otherFilter(ofType string, v any) (filter.Weight, bool) {
	m, _ := v.(map[string]any)
	switch {
	case !strings.HasSuffix(ofType, "Filter") || len(m) == 0:
		return filter.Weight{}, false
	case ofType == "NoteFilter" && m["search"] != nil:
		return filter.Weight{Read: 0.05, Match: 0.05, Row: 0.3, Once: 3_000}, true
	case m["case"] != nil || m["to"] != nil || m["response"] != nil: // few rows have one of them
		return filter.Weight{Read: 0.001, Match: 0.001, Row: 0.2}, true
	}
	return filter.Weight{Read: 1, Match: 0.3, Row: 0.2}, true
}

// eventType is the share of the events that are of one type, guessed.
const eventType = 0.05
