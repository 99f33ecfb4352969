package filter

import (
	"time"
	"unicode/utf8"
)

// Weight estimates what a filter makes PostgreSQL do with the rows of its table. It knows no data: it was measured on
// 80,000 responses with their customers and cases, and times are taken to be spread over the last year.
type Weight struct {
	Read  float64 // share of the table's rows that indexes leave to be read, 0 to 1
	Match float64 // share of the table's rows that match, 0 to 1
	Row   float64 // microseconds to decide one of the rows that are read
	Once  float64 // microseconds to search an index of texts, or to match the rows of another table, before a row is decided
	Plan  float64 // microseconds to plan a statement with the filter

	Conditions int // how many were weighed
}

// Nothing is the weight without a filter: all rows match.
var Nothing = Weight{Read: 1, Match: 1}

// Weigh returns the weight of a filter of the type CaseFilter, ResponseFilter or CustomerFilter, as the caller wrote it;
// false for another type. It takes a value that no filter may have as no filter, and stops at the size that no filter may
// have: parsing the value refuses both.
func Weigh(ofType string, v any, now time.Time) (Weight, bool) {
	for _, n := range []*entity{caseEntity, responseEntity, customerEntity} {
		if n.name == ofType {
			w := weigher{table: n.table, now: now, left: new(int)}
			*w.left = ValuesMax
			return w.object(v, n), true
		}
	}
	return Weight{}, false
}

// weigher weighs conditions on the rows of a table.
type weigher struct {
	table string
	now   time.Time
	left  *int // conditions that may still be weighed
}

func (w weigher) object(v any, n *entity) Weight {
	m, _ := v.(map[string]any)
	sum := Nothing
	for _, name := range sorted(m) {
		if *w.left--; *w.left < 0 {
			break
		}
		given := m[name]
		switch f, known := n.fields[name]; {
		case given == nil:
		case name == "and":
			for _, part := range listOf(given) {
				sum = sum.And(w.object(part, n))
			}
		case name == "or":
			var either Weight
			for _, part := range listOf(given) {
				either = either.or(w.object(part, n))
			}
			sum = sum.And(either)
		case name == "not":
			sum = sum.And(w.object(given, n).not())
		case known:
			sum = sum.And(f.weigh(w, given))
			sum.Conditions++
		}
	}
	return sum
}

// And is the weight of both conditions: PostgreSQL uses the better index, and decides the rest row by row, the second
// condition where the first holds, which may be more often than it seems. Where few rows are left, it looks their rows of
// other tables up instead of reading these tables.
func (w Weight) And(x Weight) Weight {
	const fewRows, holdsLeast = 50, 0.1
	return Weight{
		Read: min(w.Read, x.Read), Match: w.Match * x.Match, Row: w.Row + max(w.Match, holdsLeast)*x.Row,
		Once: w.Once*min(1, fewRows*x.Read) + x.Once*min(1, fewRows*w.Read), Plan: w.Plan + x.Plan, Conditions: w.Conditions + x.Conditions,
	}
}

// or is the weight of one of two conditions: the second is decided where the first does not hold.
func (w Weight) or(x Weight) Weight {
	return Weight{
		Read: min(1, w.Read+x.Read), Match: min(1, w.Match+x.Match), Row: w.Row + (1-w.Match)*x.Row,
		Once: w.Once + x.Once, Plan: w.Plan + x.Plan, Conditions: w.Conditions + x.Conditions,
	}
}

// not is the weight of the opposite: no index leads to the rows that do not match.
func (w Weight) not() Weight {
	return Weight{Read: 1, Match: 1 - w.Match, Row: w.Row + decideColumn, Once: w.Once + w.onceMore(), Plan: w.Plan, Conditions: w.Conditions}
}

// onceMore is what the rows that do not match cost: without an index of other tables' rows, all of them are compared.
func (w Weight) onceMore() float64 {
	if w.Once == 0 {
		return 0
	}
	return matchTable
}

// Within is the weight where the statement leaves so many rows of the table to the filter. Their rows of other tables are
// looked up one by one.
func (w Weight) Within(rows float64) Weight {
	w.Once = min(w.Once, rows*lookUp)
	return w
}

// Measured, in microseconds.
const (
	decideColumn = 0.05   // one row by a column of its own
	decideText   = 0.3    // one row by a part of a text, or a value of an object
	searchIndex  = 3_000  // the candidates that an index of parts of texts has for a word
	scanTexts    = 25_000 // all comments for a part that is too short for the index
	scanObjects  = 90_000 // all attributes of responses, for a value that no index has
	matchTable   = 15_000 // the rows of another table with those of this one
	lookUp       = 5      // the rows of another table for one row
	planColumn   = 20     // planning a condition on a column
	planTable    = 400    // planning a condition on the rows of another table
)

// Shares of the rows that match, guessed.
const (
	single = 0.00002 // an id, an address: one row or two
	few    = 0.005   // a name, a part of a text
	some   = 0.15    // one value of about seven
	half   = 0.4     // a range
)

func byIndex(match float64) Weight {
	return Weight{Read: match, Match: match, Row: decideColumn, Plan: planColumn}
}
func byColumn(match float64) Weight {
	return Weight{Read: 1, Match: match, Row: decideColumn, Plan: planColumn}
}

// elsewhere is the weight of a condition on the rows of another table.
func elsewhere(match float64) Weight {
	return Weight{Read: 1, Match: match, Once: matchTable, Plan: planTable}
}

// indexed has the columns that begin an index for their own comparisons (migrations).
var indexed = map[string]bool{
	"customers.country": true, "customers.segment_fold": true, "customers.company_fold": true, "customers.lifetime_value": true,
	"customers.email_fold": true, "customers.last_name_fold": true, "customers.phone_fold": true,
	"customers.external_id_fold": true, "customers.account_manager_email_fold": true, "customers.agent_email_fold": true,
	"customers.last_contacted_at": true, "customers.next_survey_at": true, "customers.id": true,
	"responses.id": true, "responses.customer_id": true, "responses.external_id_fold": true, "responses.country": true,
	"responses.survey_fold": true, "responses.segment_fold": true, "responses.company_fold": true, "responses.score": true,
	"responses.lifetime_value": true, "responses.testimonial_likelihood": true, "responses.responded_at": true, "responses.received_at": true,
	"cases.id": true, "cases.number": true, "cases.status": true, "cases.assignee_id": true, "cases.customer_id": true,
	"cases.country": true, "cases.survey_fold": true, "cases.segment_fold": true, "cases.company_fold": true, "cases.score": true,
	"cases.lifetime_value": true, "cases.opened_at": true, "cases.updated_at": true, "cases.assigned_at": true, "cases.due_at": true, "cases.closed_at": true,
}

// compare is the weight of a comparison of the column with a value or a range.
func (c column) compare(w weigher, match float64) Weight {
	at := c.own + "." + c.name
	here := c.own == w.table
	if copied, ok := c.copied[w.table]; ok {
		at, here = w.table+"."+copied, true
	}
	found := indexed[at] || c.words != ""
	switch {
	case here && found:
		return byIndex(match)
	case here:
		return byColumn(match)
	case found && match < some: // few rows there lead to few rows here
		return Weight{Read: match, Match: match, Row: 1, Once: searchIndex, Plan: planTable}
	}
	return elsewhere(match)
}

// part is the weight of a search for a part of a text. The indexes are of three signs in a row.
func (c column) part(w weigher, v any) Weight {
	s, _ := v.(string)
	_, copied := c.copied[w.table]
	switch short := utf8.RuneCountInString(s) < partLeast; {
	case short && c.own == "response_texts":
		return Weight{Read: 1, Match: half, Row: decideText, Once: scanTexts, Plan: planTable}
	case short && (c.own == w.table || copied):
		return Weight{Read: 1, Match: half, Row: decideText, Plan: planColumn}
	case short:
		return Weight{Read: 1, Match: half, Row: decideText, Once: matchTable, Plan: planTable}
	case copied && c.own != w.table:
		return Weight{Read: 1, Match: few, Row: decideText, Plan: planColumn}
	case c.own == w.table:
		return Weight{Read: 0.02, Match: few, Row: decideText, Once: searchIndex / 10, Plan: planColumn}
	}
	return Weight{Read: 0.02, Match: few, Row: decideText, Once: searchIndex, Plan: planTable}
}
