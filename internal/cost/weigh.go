package cost

import (
	"maps"
	"slices"
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
		if arg.Name == "since" {
			share := filter.TimeShare(map[string]any{"gte": p.argumentValue(arg)}, p.now)
			sum = sum.And(filter.Weight{Read: share, Match: share})
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
	if ofType == "CreateRuleInput" {
		return p.rule(v), true
	}
	w, ok := filter.Weigh(ofType, v, p.now)
	if !ok {
		return p.otherFilter(ofType, v)
	}
	p.conditions += w.Conditions
	if key.variable != "" {
		p.weighed[key] = w
	}
	return w, true
}

// rule is the weight of a rule that is tried on past responses.
func (p *pricer) rule(v any) filter.Weight {
	m, _ := v.(map[string]any)
	all := map[string]any{"contactRequested": m["contactRequested"]}
	if scores := list(m["scores"]); len(scores) > 0 {
		all["score"] = map[string]any{"in": scores}
	}
	if m["filter"] != nil {
		all["and"] = []any{m["filter"]}
	}
	w, _ := filter.Weigh("ResponseFilter", all, p.now)
	return w
}

// conditions are the weights of the filters on notes, notifications, the audit and users.
var conditions = map[string]filter.Weight{
	"NoteFilter.case": {Read: 0.0001, Match: 0.0001}, "NoteFilter.author": {Read: 0.05, Match: 0.05}, "NoteFilter.search": {Read: 0.05, Match: 0.05, Row: 0.3, Once: 1_000},
	"NotificationFilter.case": {Read: 0.0001, Match: 0.0001}, "NotificationFilter.to": {Read: 0.01, Match: 0.01}, "NotificationFilter.status": {Read: 1, Match: 0.4},
	"NotificationFilter.kind": {Read: 0.3, Match: 0.3},
	"AuditEventFilter.action": {Read: 0.05, Match: 0.05}, "AuditEventFilter.actor": {Read: 0.1, Match: 0.1}, "AuditEventFilter.object": {Read: 0.001, Match: 0.001},
	"AuditEventFilter.objectType": {Read: 1, Match: 0.2}, "UserFilter.search": {Read: 1, Match: 0.05},
}

// perValue is what each value of a list adds for a row that is compared with it, guessed.
const perValue = 0.0005

// otherFilter is the weight of a filter on notes, notifications, the audit or users.
func (p *pricer) otherFilter(ofType string, v any) (filter.Weight, bool) {
	m, _ := v.(map[string]any)
	if !strings.HasSuffix(ofType, "Filter") {
		return filter.Weight{}, false
	}
	sum := filter.Nothing
	for _, name := range slices.Sorted(maps.Keys(m)) {
		one, known := conditions[ofType+"."+name]
		switch {
		case m[name] == nil:
			continue
		case name == "createdAt" || name == "at":
			share := filter.TimeShare(m[name], p.now)
			one = filter.Weight{Read: share, Match: share}
		case !known:
			one = filter.Weight{Read: 1, Match: 0.3}
		}
		if several := float64(len(list(m[name]))); several > 1 {
			one.Read, one.Match = min(1, one.Read*several), min(1, one.Match*several)
			one.Row += several * perValue
		}
		one.Row += 0.05
		one.Plan = 20
		sum = sum.And(one)
	}
	return sum, true
}

// eventType is the share of the events that are of one type, guessed.
const eventType = 0.05
