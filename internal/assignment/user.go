package assignment

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// LockUser reads the user to whom a case will be assigned, and locks the row until the transaction ends, so that the user
// cannot become inactive before the assignment is committed. It returns an error where the user cannot be assigned.
func LockUser(tx *gorm.DB, argument string, id model.UserID) (*model.User, error) {
	p := pg.NewPipeline(tx)
	locked := AddLockUser(p, argument, id)
	if err := p.Send(); err != nil {
		return nil, err
	}
	return locked()
}

// AddLockUser adds LockUser to a pipeline. When the pipeline has been sent, locked returns the user.
func AddLockUser(p *pg.Pipeline, argument string, id model.UserID) (locked func() (*model.User, error)) {
	var found []*model.User
	pg.AddFind(p, "read an assignee", p.Tx().Clauses(clause.Locking{Strength: "SHARE"}).Where("id = ?", id), &found)
	return func() (*model.User, error) {
		switch {
		case len(found) == 0:
			return nil, fault.NotFound(argument, "there is no such user")
		case !found[0].CanBeAssigned():
			return nil, fault.Input(argument, "%s cannot be assigned: an assignee is an active AGENT, MANAGER or ADMIN", found[0].Name)
		}
		return found[0], nil
	}
}
