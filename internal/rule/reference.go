package rule

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// checkUsers refuses a rule that names a user who does not exist.
func checkUsers(tx *gorm.DB, r *model.Rule) error {
	assignment := model.Assignment{UserID: r.UserID, UserIDs: r.Assignees, FallbackUserID: r.FallbackUserID}
	if err := checkAssignment(tx, "input.assignment", assignment); err != nil {
		return err
	}
	if err := checkRecipients(tx, "input.notify", r.Recipients); err != nil {
		return err
	}
	for i, e := range r.Escalations {
		at := fmt.Sprintf("input.escalations[%d]", i)
		if err := checkRecipients(tx, at+".notify", e.Notify); err != nil {
			return err
		}
		if e.Reassign == nil {
			continue
		}
		if err := checkAssignment(tx, at+".reassign", *e.Reassign); err != nil {
			return err
		}
	}
	return nil
}

func checkAssignment(tx *gorm.DB, at string, a model.Assignment) error {
	if err := checkUser(tx, at+".userId", a.UserID); err != nil {
		return err
	}
	if err := checkUser(tx, at+".fallbackUserId", a.FallbackUserID); err != nil {
		return err
	}
	for i, id := range a.UserIDs {
		if err := checkUser(tx, fmt.Sprintf("%s.userIds[%d]", at, i), &id); err != nil {
			return err
		}
	}
	return nil
}

func checkRecipients(tx *gorm.DB, at string, list []model.Recipient) error {
	for i, to := range list {
		if err := checkUser(tx, fmt.Sprintf("%s[%d].userId", at, i), to.UserID); err != nil {
			return err
		}
	}
	return nil
}

// checkUser refuses the id of a user who does not exist; nil is valid.
func checkUser(tx *gorm.DB, argument string, id *model.UserID) error {
	if id == nil {
		return nil
	}
	var n int64
	if err := tx.Model(&model.User{}).Where("id = ?", *id).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return fault.NotFound(argument, "there is no such user")
	}
	return nil
}
