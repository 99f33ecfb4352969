package notify

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// loadRecipient finds the user whose address the mail goes to; nil where it is nobody's who signs in.
func (l *letter) loadRecipient(db *gorm.DB) error {
	var users []*model.User
	if err := db.Where("email_fold = ?", l.notification.ToFold).Limit(1).Find(&users).Error; err != nil {
		return fmt.Errorf("look for a mail's recipient: %w", err)
	}
	if len(users) > 0 {
		l.recipient = users[0]
	}
	return nil
}

// errInactive is what the row of a withheld mail says.
var errInactive = errors.New("the address is of a user who is not active")

// withheld tells why the recipient must not have the letter, as they stand when it is sent, which may be days after it
// was queued. Whatever a user may not see is decided here, and nowhere else in this package. Who has left gets nothing,
// although a rule, the central addresses or a customer's data still name them: a mail that is missing can be sent again
// by retryNotification, one that went out is out.
func (l *letter) withheld() error {
	if l.recipient != nil && !l.recipient.Active {
		return errInactive
	}
	return nil
}
