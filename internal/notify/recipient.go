package notify

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// The reasons for which a mail is withheld from its recipient; they are stored with the notification.
var (
	errInactive = errors.New("the recipient is a user who is not active")
	errOutside  = errors.New("the case or response of this mail is outside the recipient's scope")
)

// restrict reduces the data to what the recipient may see when the mail is sent, which may be days after it was queued. It
// returns a permanentError where the recipient may see none of the data. No other function of this package decides what a
// user may see. An inactive user receives no mail, although a rule, the central addresses or a customer's data may still
// name the address: a withheld mail can be sent later by retryNotification, but a sent mail cannot be taken back. An
// address that belongs to no user was entered by a user who may see everything, and receives the whole mail.
func (m *mailData) restrict(db *gorm.DB, now time.Time) error {
	var users []*model.User
	if err := db.Where("email_fold = ?", m.notification.ToFold).Limit(1).Find(&users).Error; err != nil {
		return fmt.Errorf("look for a mail's recipient: %w", err)
	}
	if len(users) == 0 {
		return nil
	}
	if !users[0].Active {
		return permanentError{errInactive}
	}
	scope, err := filter.ScopeOf(users[0])
	if err != nil {
		return fmt.Errorf("read the scope of user %s: %w", users[0].ID, err)
	}
	if scope.Masked() {
		m.customer, m.response, m.caseRow = m.customer.Masked(), m.response.Masked(), m.caseRow.Masked()
	}
	return m.checkScope(db, scope, now)
}

// checkScope checks that the recipient's scope includes the case of the mail, or the response where there is no case.
func (m *mailData) checkScope(db *gorm.DB, scope *filter.Scope, now time.Time) error {
	if !scope.Restricted() {
		return nil
	}
	var query *gorm.DB
	switch {
	case m.caseRow != nil:
		query = db.Model(&model.Case{}).Where("id = ?", m.caseRow.ID).Where(scope.Cases(now))
	case m.response != nil:
		query = db.Model(&model.Response{}).Where("id = ?", m.response.ID).Where(scope.Responses(now))
	default:
		return nil
	}
	var seen int64
	if err := query.Count(&seen).Error; err != nil {
		return fmt.Errorf("check a scope: %w", err)
	}
	if seen == 0 {
		return permanentError{errOutside}
	}
	return nil
}
