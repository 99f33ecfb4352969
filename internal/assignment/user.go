package assignment

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// LockUser reads the user to whom a case will be assigned, and locks the row until the transaction ends, so that the user
// cannot become inactive before the assignment is committed. It returns an error where the user cannot be assigned.
func LockUser(tx *gorm.DB, argument string, id model.UserID) (*model.User, error) {
	var user model.User
	err := tx.Clauses(clause.Locking{Strength: "SHARE"}).Where("id = ?", id).Take(&user).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.NotFound(argument, "there is no such user")
	}
	if err != nil {
		return nil, fmt.Errorf("read an assignee: %w", err)
	}
	if !user.CanBeAssigned() {
		return nil, fault.Input(argument, "%s cannot be assigned: an assignee is an active AGENT, MANAGER or ADMIN", user.Name)
	}
	return &user, nil
}
