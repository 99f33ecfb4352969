package casework

import (
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

// LockCases locks the cases' rows in the order of their ids, and reads the cases.
func LockCases(tx *gorm.DB, ids []model.CaseID) ([]*LockedCase, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	p := pg.NewPipeline(tx)
	locked := addLock(p, ids)
	if err := p.Send(); err != nil {
		return nil, err
	}
	return locked()
}

// addLock adds to a pipeline what locks and reads cases. When the pipeline has been sent, locked returns the cases. They are
// read after the lock, in a second statement: a statement that waits for a lock shows the rows that it joins as they were
// before the wait.
func addLock(p *pg.Pipeline, ids []model.CaseID) (locked func() ([]*LockedCase, error)) {
	tx := p.Tx()
	var named, rows []*model.Case
	pg.AddFind(p, "lock cases", tx.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id").Where(pg.In("id", ids)).Order("id"), &named)
	pg.AddFind(p, "read cases", tx.Joins("Customer").Joins("Response").Joins("Assignee").Where(pg.In("cases.id", ids)).Order("cases.id"), &rows)
	related := addRelations(p, ids)
	return func() ([]*LockedCase, error) {
		cases := make([]*LockedCase, len(rows))
		for i, c := range rows {
			cases[i] = &LockedCase{Case: *c}
		}
		return cases, related(cases)
	}
}

// LockCaseFor locks a case that a viewer names. Where the case is outside the viewer's scope, it returns the same error as
// for a case that does not exist, and does not reveal the version. It checks the scope after it has locked the row, so that
// the case cannot leave the scope before the write. The write itself may move the case out of the scope, for example a
// reassignment; the answer still shows the case.
func LockCaseFor(tx *gorm.DB, now time.Time, viewer auth.Viewer, id model.CaseID, expectedVersion *int) (*LockedCase, error) {
	p := pg.NewPipeline(tx)
	locked := addLockFor(p, now, viewer, id, expectedVersion)
	if err := p.Send(); err != nil {
		return nil, err
	}
	return locked()
}

// addLockFor adds LockCaseFor to a pipeline.
func addLockFor(p *pg.Pipeline, now time.Time, viewer auth.Viewer, id model.CaseID, expectedVersion *int) (locked func() (*LockedCase, error)) {
	cases := addLock(p, []model.CaseID{id})
	var seen []*model.Case
	restricted := viewer.Scope().Restricted()
	if restricted {
		pg.AddFind(p, "look for a row within a scope", p.Tx().Select("id").Where("id = ?", id).Where(viewer.Scope().Cases(now)), &seen)
	}
	return func() (*LockedCase, error) {
		found, err := cases()
		switch {
		case err != nil:
			return nil, err
		case len(found) == 0, restricted && len(seen) == 0:
			return nil, noSuchCase()
		}
		return found[0], found[0].expect(expectedVersion)
	}
}

func noSuchCase() error { return fault.NotFound("input.caseId", "there is no such case") }

// addCustomerLock adds the lock of the row of a case's customer, for a caller that changes both. The customer comes first
// in the order of locks.
func addCustomerLock(p *pg.Pipeline, id model.CaseID) {
	p.Exec("lock a customer", "SELECT FROM customers WHERE id = (SELECT customer_id FROM cases WHERE id = $1) FOR UPDATE", id)
}

// LockCasesOf locks and reads all cases of the customers.
func LockCasesOf(tx *gorm.DB, customers []model.CustomerID) ([]*LockedCase, error) {
	var found []*model.Case
	err := pg.Pipelined(tx, func(p *pg.Pipeline) {
		pg.AddFind(p, "find customers' cases", tx.Select("id").Where(pg.In("customer_id", customers)).Order("id"), &found)
	})
	if err != nil {
		return nil, err
	}
	ids := make([]model.CaseID, len(found))
	for i, c := range found {
		ids[i] = c.ID
	}
	return LockCases(tx, ids)
}
