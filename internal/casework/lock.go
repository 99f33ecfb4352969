package casework

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// LockedCase is a case whose row is locked, with everything that its snapshots contain.
type LockedCase struct {
	model.Case
	RuleIDs      []model.RuleID
	ExternalRefs []model.ExternalRef
	Outreaches   []model.Outreach // each kind once, in the order of their first events
	Themes       []model.Theme    // the response's, without deleted ones
}

// LockCase locks the case's row and reads it.
func LockCase(tx *gorm.DB, id model.CaseID, expectedVersion *int) (*LockedCase, error) {
	cases, err := LockCases(tx, []model.CaseID{id})
	if err != nil {
		return nil, err
	}
	if len(cases) == 0 {
		return nil, noSuchCase()
	}
	return cases[0], cases[0].expect(expectedVersion)
}

// LockCases locks the cases' rows in the order of their ids, and then reads the cases in a second statement: a statement
// that waits for a lock shows the rows that it joins as they were before the wait.
func LockCases(tx *gorm.DB, ids []model.CaseID) ([]*LockedCase, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var locked []*model.Case
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id").Where(pg.In("id", ids)).Order("id").Find(&locked).Error
	if err != nil {
		return nil, fmt.Errorf("lock cases: %w", err)
	}
	if len(locked) == 0 {
		return nil, nil
	}
	var rows []*model.Case
	err = tx.Joins("Customer").Joins("Response").Joins("Assignee").Where(pg.In("cases.id", ids)).Order("cases.id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", err)
	}
	cases := make([]*LockedCase, len(rows))
	for i, c := range rows {
		if c.ResponseID == nil {
			c.Response = nil
		}
		if c.AssigneeID == nil {
			c.Assignee = nil
		}
		cases[i] = &LockedCase{Case: *c}
	}
	return cases, loadRelations(tx, cases...)
}

// LockCaseFor locks a case that a viewer names. Where the case is outside the viewer's scope, it returns the same error as
// for a case that does not exist, and does not reveal the version. It checks the scope after it has locked the row, so that
// the case cannot leave the scope before the write. The write itself may move the case out of the scope, for example a
// reassignment; the answer still shows the case.
func LockCaseFor(tx *gorm.DB, now time.Time, viewer auth.Viewer, id model.CaseID, expectedVersion *int) (*LockedCase, error) {
	c, err := LockCase(tx, id, nil)
	if err != nil {
		return nil, err
	}
	seen, err := viewer.Sees(tx.Model(&model.Case{}).Where("id = ?", id).Where(viewer.Scope().Cases(now)))
	switch {
	case err != nil:
		return nil, err
	case !seen:
		return nil, noSuchCase()
	}
	return c, c.expect(expectedVersion)
}

func noSuchCase() error { return fault.NotFound("input.caseId", "there is no such case") }

// lockCaseWithCustomer locks the customer's row and then the case's row, for a caller that changes both. The customer
// comes first in the order of locks.
func lockCaseWithCustomer(tx *gorm.DB, now time.Time, viewer auth.Viewer, id model.CaseID, expectedVersion *int) (*LockedCase, error) {
	var c model.Case
	err := tx.Select("customer_id").Where("id = ?", id).Take(&c).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, noSuchCase()
	}
	if err != nil {
		return nil, fmt.Errorf("read a case: %w", err)
	}
	err = tx.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id").Where("id = ?", c.CustomerID).Take(&model.Customer{}).Error
	if err != nil {
		return nil, fmt.Errorf("lock a customer: %w", err)
	}
	return LockCaseFor(tx, now, viewer, id, expectedVersion)
}

// LockCasesOf locks and reads all cases of the customers.
func LockCasesOf(tx *gorm.DB, customers []model.CustomerID) ([]*LockedCase, error) {
	var ids []model.CaseID
	err := tx.Raw("SELECT id FROM cases WHERE ? ORDER BY id", pg.In("customer_id", customers)).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("find customers' cases: %w", err)
	}
	return LockCases(tx, ids)
}
