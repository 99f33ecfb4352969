package cost

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
)

// field prices a field of the objects at a place.
func (p *pricer) field(f *ast.Field, at place) work {
	parent := ""
	if f.ObjectDefinition != nil {
		parent = f.ObjectDefinition.Name
	}
	name := parent + "." + f.Name
	one := work{fields: at.atMost}
	if r, ok := reports[name]; ok {
		return one.plus(p.report(r, f, at))
	}
	of := f.Definition.Type.Name()
	switch {
	case name == summaryGroups:
		n := p.length(f, groupsOfReport, groupsMost)
		one.micros = at.objects * (statement + summaryScans*at.scan)
		return one.plus(p.selections(f.SelectionSet, at.each(span{n, n})))
	case len(f.SelectionSet) == 0:
		return one.plus(leaf(name, at))
	case strings.HasSuffix(of, "Connection"):
		return one.plus(p.list(f, at, parent))
	case isList(f) && (strings.HasSuffix(parent, "Connection") || strings.HasSuffix(parent, "Payload") || groups[name]):
		return one.plus(p.selections(f.SelectionSet, at.each(at.items)))
	case strings.HasSuffix(parent, "Connection"), strings.HasSuffix(parent, "Edge"):
		return one.plus(p.selections(f.SelectionSet, at.each(span{1, 1})))
	case parent == "Mutation":
		return one.plus(p.write(name, f, at))
	case name == "Subscription.caseEvents":
		one.micros = p.follow(f)
		return one.plus(p.selections(f.SelectionSet, at))
	}
	inside := at.each(p.children(f, name))
	if most, few := distinct[of]; few {
		inside.objects = min(inside.objects, most)
	}
	if stored(f.SelectionSet) {
		one.micros = statement*min(1, at.objects) + inside.objects*rowTime
	}
	return one.plus(p.selections(f.SelectionSet, inside))
}

// children is how many objects a field without pages has.
func (p *pricer) children(f *ast.Field, name string) span {
	if likely, ok := ofSchema[name]; ok {
		return span{likely, likely}
	}
	n := span{1, 1}
	switch {
	case name == "Query.nodes":
		n.most = float64(len(list(p.argument(f, "ids"))))
		n.likely = n.most
	case isList(f):
		n = span{listOfRow, listOfRow}
	}
	if likely, known := children[name]; known {
		n.likely = likely
		n.most = max(n.most, likely)
	}
	return n
}

// leaf is a scalar.
func leaf(name string, at place) work {
	micros := fieldTime*at.objects + dear[name] + sorted[name]*at.counted
	if strings.HasSuffix(name, "Connection.totalCount") {
		micros = at.objects * (statement/4 + at.scan)
	}
	return work{micros: micros}
}

// list prices a list with pages. A list below another is read for all parents with one statement.
func (p *pricer) list(f *ast.Field, at place, parent string) work {
	inTable := tables[strings.TrimSuffix(f.Definition.Type.Name(), "Connection")]
	asked := p.length(f, rowsOfPage, rowsMost)
	weight := p.weigh(f)
	var find float64
	if parent == "Query" {
		matches := max(1, inTable*weight.Match)
		n := max(min(asked, matches), asked/fewest)
		find = p.page(f, inTable, min(1, n/matches), weight)
		at.items, at.scan = span{n, asked}, scan(inTable, weight)
	} else {
		ofEach := below[parent+"."+f.Name]
		rows := min(at.objects*ofEach, inTable*weight.Read)
		weight = weight.Within(rows)
		find = rows*(fetchRow+sortRow+weight.Row) + weight.Once
		at.items = span{max(asked/fewest, min(asked, ofEach*weight.Match)), asked}
		at.scan = rows/max(1, at.objects)*(scanRow+weight.Row) + weight.Plan/4
	}
	w := work{micros: (statement+weight.Plan)*min(1, at.objects) + find + at.objects*at.items.likely*rowTime}
	return w.plus(p.selections(f.SelectionSet, at))
}

// page is the time to find the rows of a page, a part of all that match, apart from reading them.
func (p *pricer) page(f *ast.Field, inTable, part float64, weight filter.Weight) float64 {
	switch {
	case f.Name == "caseEvents":
		return p.look(f, inTable*part, weight)
	case f.Name == "passives":
		if weight == filter.Nothing {
			return queueTime
		}
		return queueTime + weight.Once + passives*weight.Row // the queue is read as a whole
	}
	find := inTable*min(weight.Read, part)*(fetchRow+weight.Row) + weight.Once*max(part, pageLeast)
	return find + p.sort(f, inTable*weight.Read)
}

// look is the time to look through events. PostgreSQL passes over those of other types, and the program decides the others.
func (p *pricer) look(f *ast.Field, events float64, weight filter.Weight) float64 {
	share := 1.0
	if types := list(p.argument(f, "types")); len(types) > 0 {
		share = min(1, eventType*float64(len(types)))
	}
	if p.argument(f, "filter") != nil {
		events = max(events, eventsOfPage/share)
	}
	return min(events, event.LookMost) * (passTime + share*eventTime)
}

// sort is the time to sort rows by what no index has.
func (p *pricer) sort(f *ast.Field, rows float64) float64 {
	order := list(p.argument(f, "orderBy"))
	if len(order) == 0 {
		return 0
	}
	first, _ := order[0].(map[string]any)
	name, _ := first["field"].(string)
	switch {
	case name == "EFFORT":
		return effortOrder
	case len(order) > 1:
		return ties[name] * rows * (scanRow + sortRow) / 2 // half of the pages do not come to the frequent value
	}
	return 0
}

// scan is the time to read all rows that a filter leaves.
func scan(inTable float64, weight filter.Weight) float64 {
	return inTable*(min(scanRow, weight.Read*fetchRow)+weight.Read*weight.Row) + weight.Once + weight.Plan
}

// report prices a figure.
func (p *pricer) report(r report, f *ast.Field, at place) work {
	inTable := tables[r.of]
	each := r.counts
	if p.argument(f, "groupBy") != nil {
		each += r.groups
	}
	n := p.length(f, r.first, groupsMost)
	weight := p.weigh(f)
	rows := scan(inTable, weight)
	if f.Name == "suggestThemes" { // of the newest comments alone
		matches := max(1, inTable*weight.Match)
		rows = min(suggestRows, matches)*suggestTime + p.page(f, inTable, min(1, suggestRows/matches), weight)
	}
	inside := at
	inside.items, inside.counted = span{n, n}, inTable*weight.Match
	inside.scan = rows + each*inside.counted
	w := work{micros: reportPlan + inside.scan}
	if isList(f) {
		inside = at.each(inside.items)
	}
	return w.plus(p.selections(f.SelectionSet, inside))
}

// follow is the time to begin to follow the log, and to decide on one event; after a cursor, on a page of events.
func (p *pricer) follow(f *ast.Field) float64 {
	read, events := 0.0, 1.0
	if p.argument(f, "after") != nil {
		read, events = eventsOfPage*eventTime, eventsOfPage
	}
	return 3*statement + read + 2*events*decideTime*float64(p.weigh(f).Conditions) // of the case before the event, and after it
}

// write prices a mutation.
func (p *pricer) write(name string, f *ast.Field, at place) work {
	n := 1.0
	if of, ok := batches[name]; ok {
		input, _ := p.argument(f, "input").(map[string]any)
		n = float64(max(1, len(list(input[of]))))
	}
	at.items = span{n, n}
	w := work{micros: writeTime + n*batchItem + heavy[name]}
	return w.plus(p.selections(f.SelectionSet, at))
}
