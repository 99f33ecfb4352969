package rule

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// reference is a user whom a rule names.
type reference struct {
	argument string
	user     model.UserID
}

// checkUsers refuses a rule that names users who do not exist, all of them at once.
func checkUsers(tx *gorm.DB, r *model.Rule) error {
	named := assigned("input.assignment", model.Assignment{UserID: r.UserID, UserIDs: r.Assignees, FallbackUserID: r.FallbackUserID})
	named = append(named, notified("input.notify", r.Recipients)...)
	for i, e := range r.Escalations {
		at := fmt.Sprintf("input.escalations[%d]", i)
		named = append(named, notified(at+".notify", e.Notify)...)
		if e.Reassign != nil {
			named = append(named, assigned(at+".reassign", *e.Reassign)...)
		}
	}
	if len(named) == 0 {
		return nil
	}
	ids := make([]model.UserID, len(named))
	for i, n := range named {
		ids[i] = n.user
	}
	var known []model.UserID
	if err := tx.Model(&model.User{}).Where(pg.In("id", ids)).Pluck("id", &known).Error; err != nil {
		return err
	}
	exists := make(map[model.UserID]bool, len(known))
	for _, id := range known {
		exists[id] = true
	}
	var faults []error
	for _, n := range named {
		if !exists[n.user] {
			faults = append(faults, fault.NotFound(n.argument, "there is no such user"))
		}
	}
	return fault.Join(faults...)
}

func assigned(at string, a model.Assignment) (named []reference) {
	if a.UserID != nil {
		named = append(named, reference{at + ".userId", *a.UserID})
	}
	if a.FallbackUserID != nil {
		named = append(named, reference{at + ".fallbackUserId", *a.FallbackUserID})
	}
	for i, id := range a.UserIDs {
		named = append(named, reference{fmt.Sprintf("%s.userIds[%d]", at, i), id})
	}
	return named
}

func notified(at string, list []model.Recipient) (named []reference) {
	for i, to := range list {
		if to.UserID != nil {
			named = append(named, reference{fmt.Sprintf("%s[%d].userId", at, i), *to.UserID})
		}
	}
	return named
}
