package intake

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// save writes the rows one table at a time, referenced rows before the rows that refer to them.
func (b *batch) save(ctx context.Context) error {
	for _, write := range []func() error{
		b.saveCustomers, b.saveResponses, b.saveCases, b.saveEvents,
		func() error { return b.work.Mail(ctx, b.tx, b.mails) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) saveCustomers() error {
	var heard, merged, moved []*model.Customer
	for _, p := range b.directory.People() {
		switch {
		case p.Stored == nil:
			b.newCustomers = append(b.newCustomers, p.Row())
		case p.Customer == p.Stored:
		case casework.NewCustomerChange(p.Stored, p.Customer) == nil:
			heard = append(heard, p.Customer)
		default:
			merged = append(merged, p.Customer)
			if !casework.SameCopies(p.Customer, p.Stored) {
				moved = append(moved, p.Customer)
			}
		}
	}
	if err := customer.SaveLastResponse(b.tx, heard...); err != nil {
		return err
	}
	if err := customer.Save(b.tx, merged...); err != nil {
		return err
	}
	if err := casework.CopyToResponses(b.tx, moved...); err != nil {
		return err
	}
	if err := pg.Insert(b.tx, b.newCustomers); err != nil {
		return fmt.Errorf("insert customers: %w", err)
	}
	return nil
}

func (b *batch) saveResponses() error {
	var rows []*model.ResponseRow
	var texts []*model.ResponseTexts
	var matches []*match
	for _, it := range b.items {
		if it.response == nil {
			continue
		}
		it.response.CopyCustomer(it.person.Customer) // a later item may have changed the customer
		row := it.response.Row()
		rows = append(rows, row)
		if t := row.Texts(); t != nil {
			texts = append(texts, t)
		}
		for _, r := range it.Matched {
			matches = append(matches, &match{it.response.ID, r.ID})
		}
	}
	if err := pg.Insert(b.tx, rows); err != nil {
		return fmt.Errorf("insert responses: %w", err)
	}
	if err := pg.Insert(b.tx, texts); err != nil {
		return fmt.Errorf("insert response texts: %w", err)
	}
	if err := pg.Insert(b.tx, b.tags); err != nil {
		return fmt.Errorf("tag responses: %w", err)
	}
	return pg.WrapErr("insert rule matches", pg.Insert(b.tx, matches))
}

// match is a rule that matched a response.
type match struct {
	ResponseID model.ResponseID
	RuleID     model.RuleID
}

// TableName returns the name of the table.
func (match) TableName() string { return "response_rules" }

func (b *batch) saveCases() error {
	// The calendars are stored apart from the rules: a case keeps its calendar when the rule gets another one.
	calendars := slices.SortedFunc(maps.Values(b.calendars), func(x, y *model.StoredCalendar) int { return bytes.Compare(x.ID.UUID[:], y.ID.UUID[:]) })
	for _, c := range calendars {
		if err := b.tx.Clauses(clause.OnConflict{DoNothing: true}).Create(c).Error; err != nil {
			return fmt.Errorf("store a calendar: %w", err)
		}
	}
	rows := make([]*model.Case, len(b.opened))
	var rules []*caseRule
	for i, opened := range b.opened {
		rows[i] = &opened.Case
		for n, id := range opened.RuleIDs {
			rules = append(rules, &caseRule{opened.ID, id, n})
		}
	}
	if err := pg.Insert(b.tx, rows); err != nil {
		return fmt.Errorf("insert cases: %w", err)
	}
	if err := pg.Insert(b.tx, rules); err != nil {
		return fmt.Errorf("insert the rules of cases: %w", err)
	}
	if err := pg.Insert(b.tx, b.steps); err != nil {
		return fmt.Errorf("insert the escalation steps of cases: %w", err)
	}
	return casework.SaveCases(b.tx, b.lockedCases...)
}

// caseRule links a case to a rule that its response matched.
type caseRule struct {
	CaseID  model.CaseID
	RuleID  model.RuleID
	Ordinal int // 0: the rule that opened the case
}

// TableName returns the name of the table.
func (caseRule) TableName() string { return "case_rules" }

// saveEvents writes the events. It runs after the inserts, because the snapshots contain the numbers that the database
// gave to customers and cases.
func (b *batch) saveEvents() error {
	if len(b.events) == 0 {
		return nil
	}
	customerNumbers, err := numbers(b.tx, "customers", b.newCustomers, func(r *model.CustomerRow) (uuid.UUID, int64) { return r.ID.UUID, r.Number })
	if err != nil {
		return err
	}
	caseNumbers, err := numbers(b.tx, "cases", b.opened, func(c *casework.LockedCase) (uuid.UUID, int64) { return c.ID.UUID, int64(c.Number) })
	if err != nil {
		return err
	}
	for _, it := range b.items {
		if c := it.outcome.Case; c != nil && c.Number == 0 {
			c.Number = int(caseNumbers[c.ID.UUID])
		}
	}
	for _, p := range b.events {
		before, after := p.Snapshots()
		for _, s := range []*model.Snapshot{before, after} {
			if s == nil {
				continue
			}
			if s.Customer.Number == 0 {
				s.Customer.Number = customerNumbers[s.Customer.ID.UUID]
			}
			if s.Case.Number == 0 {
				s.Case.Number = int(caseNumbers[s.Case.ID.UUID])
			}
		}
	}
	return event.Write(b.tx, b.events)
}

// numbers returns the numbers of rows that have just been written. An INSERT has filled them in; COPY has not, so they are
// read.
func numbers[T any](tx *gorm.DB, table string, rows []*T, of func(*T) (uuid.UUID, int64)) (map[uuid.UUID]int64, error) {
	byID := make(map[uuid.UUID]int64, len(rows))
	var missing []uuid.UUID
	for _, r := range rows {
		id, number := of(r)
		if byID[id] = number; number == 0 {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return byID, nil
	}
	var read []struct {
		ID     uuid.UUID
		Number int64
	}
	if err := tx.Raw("SELECT id, number FROM "+table+" WHERE id = ANY(?)", pg.Array(missing)).Scan(&read).Error; err != nil {
		return nil, fmt.Errorf("read numbers: %w", err)
	}
	for _, r := range read {
		byID[r.ID] = r.Number
	}
	return byID, nil
}
