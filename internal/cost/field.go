package cost

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/filter"
)

// Measured on 80,000 responses with their customers and cases, in microseconds.
const (
	statement      = 200   // sending one and having it planned
	matchCountTime = 1_500 // counting the matches of all rules
	writeTime      = 4_000 // a transaction
	batchItem      = 1_500 // one more response or case of a write that takes many
	rowTime        = 15    // reading a row of a list, or by its id
	fieldTime      = 0.5   // reading one more value
	rowsOfPage     = 20    // of a list without `first` and `last`
	rowsMost       = 100   // of any list
	groupsOfReport = 50    // without `first`
	groupsMost     = 1000
	eventsMost     = 10_000 // events that a list of events looks through
	eventTime      = 12     // reading and deciding one of them
	effortOrder    = 8_000  // the order by the effort of themes
	listOfRow      = 3      // rows that a list without arguments has, such as the rules of a case
	scanRow        = 0.1    // reading a row that a filter is to decide
)

// table is what a list reads or a figure counts.
type table struct{ rows float64 }

var tables = map[string]table{
	"Case": {50_000}, "Response": {80_000}, "Customer": {50_000}, "Note": {50_000}, "Notification": {50_000},
	"CaseEvent": {400_000}, "User": {100}, "Import": {100}, "WebhookDelivery": {10_000}, "AuditEvent": {50_000},
}

// report is a field that counts rows.
type report struct {
	of     string  // the table
	counts float64 // microseconds for each row that the filter leaves
	groups float64 // further microseconds for each row, where the report is grouped
	first  float64 // groups without the argument `first`
}

var reports = map[string]report{
	"Query.caseSummary":        {of: "Case", counts: 0.3},
	"Subscription.caseSummary": {of: "Case", counts: 0.3},
	"Query.followUpReport":     {of: "Case", counts: 1, groups: 2, first: groupsOfReport},
	"Query.recoveryReport":     {of: "Case", counts: 3, groups: 4, first: groupsOfReport},
	"Query.npsReport":          {of: "Response", counts: 0.4, groups: 0.7, first: groupsOfReport},
	"Query.topThemes":          {of: "Response", counts: 1.5, first: 3},
	"Query.suggestThemes":      {of: "Response", first: 10},
	"Query.previewRule":        {of: "Response", counts: 3, first: 10},
}

// groups are the fields whose number the arguments of the report decide.
var groups = map[string]bool{"FollowUpReport.groups": true, "RecoveryReport.groups": true, "NpsReport.groups": true}

// summaryGroups is the field with arguments of its own that counts by the filter of its parent, and how often it reads as
// many rows as a plain count.
const (
	summaryGroups = "CaseSummary.groups"
	summaryScans  = 3
)

// batches are the mutations that take many items, with the list of their input.
var batches = map[string]string{
	"Mutation.submitResponses": "responses", "Mutation.assignCases": "cases", "Mutation.recordOutreaches": "caseIds",
}

// heavy are the mutations that change more rows than others, with the microseconds that they take.
var heavy = map[string]float64{
	"Mutation.allocatePassives": 200_000, "Mutation.eraseCustomer": 20_000, "Mutation.createTheme": 10_000, "Mutation.updateTheme": 10_000,
	"Mutation.importResponses": 50_000,
}

// field prices a field for one parent.
func (p *pricer) field(f *ast.Field) work {
	below := p.selections(f.SelectionSet)
	parent := ""
	if f.ObjectDefinition != nil {
		parent = f.ObjectDefinition.Name
	}
	place := parent + "." + f.Name
	if r, ok := reports[place]; ok {
		return p.report(r, f, below)
	}
	switch {
	case place == summaryGroups:
		n := p.length(f, groupsOfReport, groupsMost)
		w := below.settled(n, 0).times(n)
		w.scans += summaryScans
		return w
	case len(f.SelectionSet) == 0:
		return leaf(parent, f.Name)
	case strings.HasSuffix(f.Definition.Type.Name(), "Connection"):
		return p.list(f, below, parent)
	case strings.HasSuffix(parent, "Connection"), strings.HasSuffix(parent, "Payload") && isList(f):
		if isList(f) {
			return below.asItem()
		}
		return below.times(1)
	case strings.HasSuffix(parent, "Edge"):
		return below.times(1)
	case groups[place]:
		return below.asItem()
	case parent == "Mutation":
		return p.write(place, f, below)
	}
	n := 1.0
	switch {
	case f.Name == "nodes" && parent == "Query":
		n = float64(len(list(p.argument(f, "ids"))))
	case isList(f):
		n = listOfRow
	}
	w := below.settled(n, 0).times(n)
	if stored(f.SelectionSet) {
		w.once += statement
		w.each += n * rowTime
	}
	return w
}

// leaf is a scalar.
func leaf(parent, name string) work {
	w := work{each: fieldTime, fields: 1}
	switch {
	case name == "totalCount" && strings.HasSuffix(parent, "Connection"):
		w.each, w.scans = statement, 1
	case parent == "Rule" && name == "matchCount":
		w.once = matchCountTime
	}
	return w
}

// list prices a list with pages. A list below another is read for all parents with one statement.
func (p *pricer) list(f *ast.Field, below work, parent string) work {
	of := strings.TrimSuffix(f.Definition.Type.Name(), "Connection")
	t := tables[of]
	asked := p.length(f, rowsOfPage, rowsMost)
	n := asked
	if parent != "Query" {
		w := below.settled(n, listScan)
		w.once += statement
		w.each += n * rowTime
		w.fields++
		return w
	}
	weight := p.weigh(f)
	matches := max(1, t.rows*weight.Match)
	n = max(min(asked, matches), asked/fewest)
	w := below.settled(n, scan(t, weight))
	w.once += statement
	w.each += n*rowTime + p.page(f, t, min(1, n/matches), weight)
	w.fields = below.settled(asked, 0).fields + 1 // the guess may be wrong, and the bound of answers must hold
	return w
}

// page is the time to find the rows of a page, a part of all that match, apart from reading them.
func (p *pricer) page(f *ast.Field, t table, part float64, weight filter.Weight) float64 {
	switch {
	case f.Name == "caseEvents": // the program decides each event
		return min(t.rows*part, eventsMost) * eventTime
	case f.Name == "passives" && weight != filter.Nothing: // the queue is read as a whole
		return queueTime + weight.Once + passives*weight.Row
	}
	find := t.rows*min(weight.Read, part)*(scanRow+weight.Row) + weight.Once*max(part, pageLeast)
	if p.ordersByEffort(f) {
		find += effortOrder
	}
	return find
}

const (
	listScan    = 50     // microseconds to count a list below another object
	pageLeast   = 0.1    // the part of another table that a page reads even where it is full at once
	fewest      = 10     // a page has at least a tenth of the rows that it asks for, however few match by the guess
	suggestTime = 4_000  // counting the words of comments
	suggestRows = 2_000  // comments whose words are counted
	queueTime   = 10_000 // reading the passives queue
	passives    = 15_000 // rows of the queue
)

// scan is the time to read all rows that a filter leaves.
func scan(t table, weight filter.Weight) float64 {
	return statement + t.rows*weight.Read*(scanRow+weight.Row) + weight.Once
}

// report prices a figure.
func (p *pricer) report(r report, f *ast.Field, below work) work {
	t := tables[r.of]
	each := r.counts
	if p.argument(f, "groupBy") != nil {
		each += r.groups
	}
	n := p.length(f, r.first, groupsMost)
	weight := p.weigh(f)
	rows := scan(t, weight)
	if f.Name == "suggestThemes" { // of the newest comments alone
		rows = suggestTime + p.page(f, t, min(1, suggestRows/(t.rows*weight.Match)), weight)
	}
	w := below.settled(n, rows)
	if isList(f) {
		w = below.times(n)
	}
	w.each += statement + rows + each*t.rows*weight.Match
	return w
}

// write prices a mutation.
func (p *pricer) write(place string, f *ast.Field, below work) work {
	n := 1.0
	if of, ok := batches[place]; ok {
		input, _ := p.argument(f, "input").(map[string]any)
		n = float64(max(1, len(list(input[of]))))
	}
	w := below.settled(n, 0)
	w.each += writeTime + n*batchItem + heavy[place]
	w.fields++
	return w
}
