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

// save writes what has been decided, one table at a time, in the order in which rows refer to each other.
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
	var merged, moved []*model.Customer
	for _, p := range b.directory.People() {
		switch {
		case p.Stored == nil:
			b.made = append(b.made, p.Row())
		case p.Customer != p.Stored:
			merged = append(merged, p.Customer)
			if !casework.SameCopies(p.Customer, p.Stored) {
				moved = append(moved, p.Customer)
			}
		}
	}
	if err := customer.Save(b.tx, merged...); err != nil {
		return err
	}
	if err := casework.CopyToResponses(b.tx, moved...); err != nil {
		return err
	}
	if err := pg.Insert(b.tx, b.made); err != nil {
		return fmt.Errorf("make customers: %w", err)
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
		it.response.CopyCustomer(it.person.Customer) // a later response may have changed them
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
		return fmt.Errorf("keep responses: %w", err)
	}
	if err := pg.Insert(b.tx, texts); err != nil {
		return fmt.Errorf("keep responses' texts: %w", err)
	}
	if err := pg.Insert(b.tx, b.tags); err != nil {
		return fmt.Errorf("tag responses: %w", err)
	}
	return pg.WrapErr("count rules' matches", pg.Insert(b.tx, matches))
}

// match is a rule that matched a response.
type match struct {
	ResponseID model.ResponseID
	RuleID     model.RuleID
}

// TableName is what the rows are called in SQL.
func (match) TableName() string { return "response_rules" }

func (b *batch) saveCases() error {
	// A case keeps its calendar when the rule gets another one.
	kept := slices.SortedFunc(maps.Values(b.calendars), func(x, y *model.StoredCalendar) int { return bytes.Compare(x.ID.UUID[:], y.ID.UUID[:]) })
	for _, c := range kept {
		if err := b.tx.Clauses(clause.OnConflict{DoNothing: true}).Create(c).Error; err != nil {
			return fmt.Errorf("keep a calendar: %w", err)
		}
	}
	rows := make([]*model.Case, len(b.opened))
	var rules []*caseRule
	for i, h := range b.opened {
		rows[i] = &h.Case
		for n, id := range h.RuleIDs {
			rules = append(rules, &caseRule{h.ID, id, n})
		}
	}
	if err := pg.Insert(b.tx, rows); err != nil {
		return fmt.Errorf("open cases: %w", err)
	}
	if err := pg.Insert(b.tx, rules); err != nil {
		return fmt.Errorf("write cases' rules: %w", err)
	}
	if err := pg.Insert(b.tx, b.steps); err != nil {
		return fmt.Errorf("plan cases' escalations: %w", err)
	}
	return casework.SaveCases(b.tx, b.lockedCases...)
}

// caseRule is a rule that a case was opened by.
type caseRule struct {
	CaseID  model.CaseID
	RuleID  model.RuleID
	Ordinal int // 0: the one that opened it
}

// TableName is what the rows are called in SQL.
func (caseRule) TableName() string { return "case_rules" }

// saveEvents writes the log, once the numbers are known that the database has given to customers and cases.
func (b *batch) saveEvents() error {
	if len(b.events) == 0 {
		return nil
	}
	people, err := numbers(b.tx, "customers", b.made, func(r *model.CustomerRow) (uuid.UUID, int64) { return r.ID.UUID, r.Number })
	if err != nil {
		return err
	}
	cases, err := numbers(b.tx, "cases", b.opened, func(h *casework.LockedCase) (uuid.UUID, int64) { return h.ID.UUID, int64(h.Number) })
	if err != nil {
		return err
	}
	for _, it := range b.items {
		if c := it.outcome.Case; c != nil && c.Number == 0 {
			c.Number = int(cases[c.ID.UUID])
		}
	}
	for _, p := range b.events {
		before, after := p.Snapshots()
		for _, s := range []*model.Snapshot{before, after} {
			if s == nil {
				continue
			}
			if s.Customer.Number == 0 {
				s.Customer.Number = people[s.Customer.ID.UUID]
			}
			if s.Case.Number == 0 {
				s.Case.Number = int(cases[s.Case.ID.UUID])
			}
		}
	}
	return event.Write(b.tx, b.events)
}

// numbers returns the numbers of rows that have just been written: an INSERT returned them, COPY did not.
func numbers[T any](tx *gorm.DB, table string, rows []*T, of func(*T) (uuid.UUID, int64)) (map[uuid.UUID]int64, error) {
	known := make(map[uuid.UUID]int64, len(rows))
	var unknown []uuid.UUID
	for _, r := range rows {
		id, number := of(r)
		if known[id] = number; number == 0 {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return known, nil
	}
	var read []struct {
		ID     uuid.UUID
		Number int64
	}
	if err := tx.Raw("SELECT id, number FROM "+table+" WHERE id = ANY(?)", pg.Array(unknown)).Scan(&read).Error; err != nil {
		return nil, fmt.Errorf("read numbers: %w", err)
	}
	for _, r := range read {
		known[r.ID] = r.Number
	}
	return known, nil
}
