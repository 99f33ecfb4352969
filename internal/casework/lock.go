package casework

import (
	"slices"
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

	siblings []*LockedCase // the customer's other cases, where they are locked together with this one
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
	visible := addVisible(p, now, viewer, id)
	return func() (*LockedCase, error) {
		found, err := cases()
		switch {
		case err != nil:
			return nil, err
		case len(found) == 0, !visible(id):
			return nil, noSuchCase()
		}
		return found[0], found[0].expect(expectedVersion)
	}
}

// addVisible adds to a pipeline what reads which of the cases are within the viewer's scope.
func addVisible(p *pg.Pipeline, now time.Time, viewer auth.Viewer, ids ...model.CaseID) (visible func(model.CaseID) bool) {
	if !viewer.Scope().Restricted() {
		return func(model.CaseID) bool { return true }
	}
	var seen []*model.Case
	pg.AddFind(p, "look for rows within a scope", p.Tx().Select("id").Where(pg.In("id", ids)).Where(viewer.Scope().Cases(now)), &seen)
	return func(id model.CaseID) bool {
		return slices.ContainsFunc(seen, func(c *model.Case) bool { return c.ID == id })
	}
}

func noSuchCase() error { return fault.NotFound("input.caseId", "there is no such case") }

// addLockWithCustomer is addLockFor for a caller that changes the customer too.
func addLockWithCustomer(p *pg.Pipeline, now time.Time, viewer auth.Viewer, id model.CaseID, expectedVersion *int) (locked func() (*LockedCase, error)) {
	cases := addLockWithCustomers(p, now, viewer, []model.CaseID{id})
	return func() (*LockedCase, error) {
		found, err := cases()
		switch {
		case err != nil:
			return nil, err
		case found[id] == nil:
			return nil, noSuchCase()
		}
		return found[id], found[id].expect(expectedVersion)
	}
}

// addLockWithCustomers adds to a pipeline the locks of the customers of cases, by id, and then of all their cases, by id: a
// change of a customer records an event on each case of the customer. It sends the pipeline once, to find those cases. When
// the pipeline has been sent again, locked returns the cases that the viewer sees among those with the ids, and each knows
// its siblings.
func addLockWithCustomers(p *pg.Pipeline, now time.Time, viewer auth.Viewer, ids []model.CaseID) (locked func() (map[model.CaseID]*LockedCase, error)) {
	var found []*model.Case
	p.Exec("lock customers", "SELECT FROM customers WHERE id IN (SELECT customer_id FROM cases WHERE id = ANY($1)) ORDER BY id FOR UPDATE", model.UUIDs(ids))
	pg.AddFind(p, "find customers' cases", p.Tx().Select("id").Where("customer_id IN (SELECT customer_id FROM cases WHERE ?)", pg.In("id", ids)), &found)
	if err := p.Send(); err != nil {
		return func() (map[model.CaseID]*LockedCase, error) { return nil, err }
	}
	cases, visible := addLock(p, idsOf(found)), addVisible(p, now, viewer, ids...)
	return func() (map[model.CaseID]*LockedCase, error) {
		all, err := cases()
		if err != nil {
			return nil, err
		}
		ofCustomer, byID := map[model.CustomerID][]*LockedCase{}, map[model.CaseID]*LockedCase{}
		for _, c := range all {
			ofCustomer[c.CustomerID] = append(ofCustomer[c.CustomerID], c)
		}
		for _, c := range all {
			c.siblings = slices.DeleteFunc(slices.Clone(ofCustomer[c.CustomerID]), func(x *LockedCase) bool { return x == c })
			if slices.Contains(ids, c.ID) && visible(c.ID) {
				byID[c.ID] = c
			}
		}
		return byID, nil
	}
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
	return LockCases(tx, idsOf(found))
}

func idsOf(cases []*model.Case) []model.CaseID {
	ids := make([]model.CaseID, len(cases))
	for i, c := range cases {
		ids[i] = c.ID
	}
	return ids
}
