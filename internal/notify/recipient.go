package notify

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// Why a mail is withheld from its recipient; the row says so.
var (
	errInactive = errors.New("the address is of a user who is not active")
	errOutside  = errors.New("what the mail is about lies outside of the recipient's scope")
)

// suit makes the letter what its recipient may read, as they stand when it is sent, which may be days after it was
// queued; refused where they may read nothing of it. Whatever a user must not see is decided here, and nowhere else in
// this package. Who has left gets nothing, although a rule, the central addresses or a customer's data still name them:
// a mail that is missing can be sent again by retryNotification, one that went out is out. An address that is no user's
// was given by somebody who may see everything, and gets what they asked for.
func (l *letter) suit(db *gorm.DB, now time.Time) error {
	var users []*model.User
	if err := db.Where("email_fold = ?", l.notification.ToFold).Limit(1).Find(&users).Error; err != nil {
		return fmt.Errorf("look for a mail's recipient: %w", err)
	}
	if len(users) == 0 {
		return nil
	}
	if !users[0].Active {
		return refused{errInactive}
	}
	scope, err := filter.ScopeOf(users[0])
	if err != nil {
		return fmt.Errorf("read the scope of user %s: %w", users[0].ID, err)
	}
	if scope.Masked() {
		l.customer, l.response, l.opened = l.customer.Masked(), l.response.Masked(), l.opened.Masked()
	}
	return l.within(db, scope, now)
}

// within asks the scope about what the letter is about: its case, else its response.
func (l *letter) within(db *gorm.DB, scope *filter.Scope, now time.Time) error {
	if !scope.Restricted() {
		return nil
	}
	var query *gorm.DB
	switch {
	case l.opened != nil:
		query = db.Model(&model.Case{}).Where("id = ?", l.opened.ID).Where(scope.Cases(now))
	case l.response != nil:
		query = db.Model(&model.Response{}).Where("id = ?", l.response.ID).Where(scope.Responses(now))
	default:
		return nil
	}
	var seen int64
	if err := query.Count(&seen).Error; err != nil {
		return fmt.Errorf("ask a scope: %w", err)
	}
	if seen == 0 {
		return refused{errOutside}
	}
	return nil
}
