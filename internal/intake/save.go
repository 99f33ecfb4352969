package intake

import (
	"bytes"
	"maps"
	"slices"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// save writes the rows, referenced rows before the rows that refer to them. What a response always writes goes to the
// database together.
func (b *batch) save() error {
	p := pg.NewPipeline(b.tx)
	if err := b.saveCustomers(p); err != nil {
		return err
	}
	b.saveResponses(p)
	b.saveCases(p)
	if err := event.Add(p, b.events); err != nil {
		return err
	}
	b.work.AddMail(p, b.mails)
	return p.Later()
}

func (b *batch) saveCustomers(p *pg.Pipeline) error {
	var heard, merged, moved []*model.Customer
	var rows []*model.CustomerRow
	for _, person := range b.directory.People() {
		switch now, was := person.Customer, person.Stored; {
		case was == nil:
			rows = append(rows, now.Row())
		case now == was:
		case casework.NewCustomerChange(was, now) == nil:
			heard = append(heard, now)
		default:
			merged = append(merged, now)
			if !casework.SameCopies(now, was) {
				moved = append(moved, now)
			}
		}
	}
	if err := customer.Save(b.tx, merged...); err != nil {
		return err
	}
	if err := casework.CopyToResponses(b.tx, moved...); err != nil {
		return err
	}
	customer.SaveLastResponse(p, heard)
	pg.AddInsert(p, "insert customers", rows, "number")
	return nil
}

func (b *batch) saveResponses(p *pg.Pipeline) {
	var rows []*model.ResponseRow
	var texts []*model.ResponseTexts
	var matches []*match
	for _, it := range b.items {
		if it.response == nil {
			continue
		}
		for _, r := range it.Matched {
			matches = append(matches, &match{it.response.ID, r.ID})
		}
		it.response.CopyCustomer(it.person.Customer) // a later item may have changed the customer
		if it.revision != nil {
			b.saveRevision(p, it)
			continue
		}
		row := it.response.Row()
		row.Statements = it.statement
		rows = append(rows, row)
		if t := row.Texts(); t != nil {
			texts = append(texts, t)
		}
	}
	pg.AddInsert(p, "insert responses", rows)
	pg.AddInsert(p, "insert response texts", texts)
	pg.AddInsert(p, "tag responses", b.tags)
	pg.AddInsert(p, "insert rule matches", matches)
}

// match is a rule that matched a response.
type match struct {
	ResponseID model.ResponseID
	RuleID     model.RuleID
}

// TableName returns the name of the table.
func (match) TableName() string { return "response_rules" }

func (b *batch) saveCases(p *pg.Pipeline) {
	casework.SaveCases(p, b.lockedCases...)
	pg.AddUpdate(p, "copy changed responses to their cases", b.revised, pg.Only("score", "category", "responded_at", "contact_requested", "survey_fold"))
	// The calendars are stored apart from the rules: a case keeps its calendar when the rule gets another one.
	for _, c := range slices.SortedFunc(maps.Values(b.calendars), func(x, y *model.StoredCalendar) int { return bytes.Compare(x.ID.UUID[:], y.ID.UUID[:]) }) {
		p.Exec("store a calendar", "INSERT INTO calendars (id, calendar) VALUES ($1, $2) ON CONFLICT DO NOTHING", c.ID, c.Calendar)
	}
	rows := make([]*model.Case, len(b.opened))
	var rules []*caseRule
	for i, opened := range b.opened {
		rows[i] = &opened.Case
		for n, id := range opened.RuleIDs {
			rules = append(rules, &caseRule{opened.ID, id, n})
		}
	}
	pg.AddInsert(p, "insert cases", rows, "number")
	pg.AddInsert(p, "insert the rules of cases", rules)
	pg.AddInsert(p, "insert the escalation steps of cases", b.steps)
}

// caseRule links a case to a rule that its response matched.
type caseRule struct {
	CaseID  model.CaseID
	RuleID  model.RuleID
	Ordinal int // 0: the rule that opened the case
}

// TableName returns the name of the table.
func (caseRule) TableName() string { return "case_rules" }
