package casework

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// write writes what has been decided, each table at once, in the order in which rows name each other.
func (g *group) write(ctx context.Context) error {
	for _, write := range []func() error{
		g.writePeople, g.writeResponses, g.writeCases, g.writeEvents,
		func() error { return g.w.Mail(ctx, g.tx, g.mails) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) writePeople() error {
	var renewed, moved []*model.Customer
	for _, p := range g.directory.people {
		switch {
		case p.stored == nil:
			g.made = append(g.made, p.Row())
		case p.Customer != p.stored:
			renewed = append(renewed, p.Customer)
			if !SameCopies(p.Customer, p.stored) {
				moved = append(moved, p.Customer)
			}
		}
	}
	if err := saveCustomers(g.tx, renewed...); err != nil {
		return err
	}
	if err := CopyToResponses(g.tx, moved...); err != nil {
		return err
	}
	if err := pg.Insert(g.tx, g.made); err != nil {
		return fmt.Errorf("make customers: %w", err)
	}
	return nil
}

func (g *group) writeResponses() error {
	var rows []*model.ResponseRow
	var texts []*model.ResponseTexts
	var matches []*match
	for _, a := range g.arrivals {
		if a.response == nil {
			continue
		}
		a.response.CopyCustomer(a.person.Customer) // a later response may have changed them
		row := a.response.Row()
		rows = append(rows, row)
		if t := row.Texts(); t != nil {
			texts = append(texts, t)
		}
		for _, r := range a.Matched {
			matches = append(matches, &match{a.response.ID, r.ID})
		}
	}
	if err := pg.Insert(g.tx, rows); err != nil {
		return fmt.Errorf("keep responses: %w", err)
	}
	if err := pg.Insert(g.tx, texts); err != nil {
		return fmt.Errorf("keep responses' texts: %w", err)
	}
	if err := pg.Insert(g.tx, g.tags); err != nil {
		return fmt.Errorf("tag responses: %w", err)
	}
	return pg.WrapErr("count rules' matches", pg.Insert(g.tx, matches))
}

// match is a rule that matched a response.
type match struct {
	ResponseID model.ResponseID
	RuleID     model.RuleID
}

// TableName is what the rows are called in SQL.
func (match) TableName() string { return "response_rules" }

func (g *group) writeCases() error {
	// They are there for the cases that name them, also when the rule gets another one.
	kept := slices.SortedFunc(maps.Values(g.calendars), func(a, b *model.StoredCalendar) int { return bytes.Compare(a.ID.UUID[:], b.ID.UUID[:]) })
	for _, c := range kept {
		if err := g.tx.Clauses(clause.OnConflict{DoNothing: true}).Create(c).Error; err != nil {
			return fmt.Errorf("keep a calendar: %w", err)
		}
	}
	rows := make([]*model.Case, len(g.opened))
	var rules []*caseRule
	for i, h := range g.opened {
		rows[i] = &h.Case
		for n, id := range h.RuleIDs {
			rules = append(rules, &caseRule{h.ID, id, n})
		}
	}
	if err := pg.Insert(g.tx, rows); err != nil {
		return fmt.Errorf("open cases: %w", err)
	}
	if err := pg.Insert(g.tx, rules); err != nil {
		return fmt.Errorf("write cases' rules: %w", err)
	}
	if err := pg.Insert(g.tx, g.steps); err != nil {
		return fmt.Errorf("plan cases' escalations: %w", err)
	}
	return SaveCases(g.tx, g.held...)
}

// caseRule is a rule that a case was opened by.
type caseRule struct {
	CaseID  model.CaseID
	RuleID  model.RuleID
	Ordinal int // 0: the one that opened it
}

// TableName is what the rows are called in SQL.
func (caseRule) TableName() string { return "case_rules" }

// writeEvents writes the log, once the numbers are known that the database has given to customers and cases.
func (g *group) writeEvents() error {
	if len(g.events) == 0 {
		return nil
	}
	people, err := numbers(g.tx, "customers", g.made, func(r *model.CustomerRow) (uuid.UUID, int64) { return r.ID.UUID, r.Number })
	if err != nil {
		return err
	}
	cases, err := numbers(g.tx, "cases", g.opened, func(h *LockedCase) (uuid.UUID, int64) { return h.ID.UUID, int64(h.Number) })
	if err != nil {
		return err
	}
	for _, a := range g.arrivals {
		if c := a.outcome.Case; c != nil && c.Number == 0 {
			c.Number = int(cases[c.ID.UUID])
		}
	}
	for _, p := range g.events {
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
	return event.Write(g.tx, g.events)
}

// numbers gives the numbers of rows that have just been written: an INSERT told them, COPY did not.
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
