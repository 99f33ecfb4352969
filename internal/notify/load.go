package notify

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// mailData is the content of a mail, loaded when the mail is written. It has no field for a note and must never have one;
// an event's snapshot and the id of its note are not even read.
type mailData struct {
	notification    *model.Notification
	customer        *model.Customer
	response        *model.Response // nil: a user opened the case
	theCase         *model.Case     // nil: the response opened no case
	rule            string          // empty: no rule sends the mail
	assignedBy      string          // empty: a rule assigned the case, or the case is unassigned
	currentAssignee string          // the assignee now, where it is not the user to whom the event assigned the case
	step            *model.Event    // for an escalation
	assignee        string          // for an escalation: the assignee now
	zone            *time.Location
	webhook         *model.Webhook // for a mail about a webhook; nil: the webhook was deleted
}

func load(db *gorm.DB, n *model.Notification) (*mailData, error) {
	l := &mailData{notification: n}
	if n.Kind == model.NotifyWebhookDisabled {
		return l, l.loadWebhook(db)
	}
	var event *model.Event
	err := errors.Join(
		loadIf(&event, db.Select("id", "type", "actor_id", "rule_id", "assignee_id", "step", "after"), n.EventID),
		loadIf(&l.theCase, db, n.CaseID),
	)
	if err != nil {
		return nil, err
	}
	responseID := n.ResponseID
	if responseID == nil && l.theCase != nil {
		responseID = l.theCase.ResponseID
	}
	if err := loadIf(&l.response, db, responseID); err != nil {
		return nil, err
	}
	var customer model.CustomerID
	switch {
	case l.response != nil:
		customer = l.response.CustomerID
	case l.theCase != nil:
		customer = l.theCase.CustomerID
	}
	if l.customer, err = loadRow[model.Customer](db, customer); err != nil {
		return nil, err
	}
	return l, errors.Join(l.loadRule(db, event), l.loadPeople(db, event), l.loadZone(db))
}

func (l *mailData) loadRule(db *gorm.DB, event *model.Event) error {
	id := l.notification.RuleID
	if id == nil && event != nil {
		id = event.RuleID
	}
	var rule *model.Rule
	if err := loadIf(&rule, db.Select("id", "name"), id); err != nil || rule == nil {
		return err
	}
	l.rule = rule.Name
	return nil
}

func (l *mailData) loadPeople(db *gorm.DB, event *model.Event) error {
	if event == nil || l.theCase == nil {
		return nil
	}
	switch l.notification.Kind {
	case model.NotifyCaseEscalated:
		return l.loadStep(db, event)
	case model.NotifyCaseAssigned:
	default:
		return nil
	}
	var by, now *model.User
	if err := errors.Join(loadIf(&by, db, event.ActorID), loadIf(&now, db, l.theCase.AssigneeID)); err != nil {
		return err
	}
	if by != nil {
		l.assignedBy = by.Name
	}
	switch {
	case event.AssigneeID == nil: // the event names no assignee to compare with
	case now == nil:
		l.currentAssignee = "nobody"
	case now.ID != *event.AssigneeID:
		l.currentAssignee = now.Name
	}
	return nil
}

// loadStep loads the assignee at the time when the mail is written: the step, or a user after the step, may have changed it.
func (l *mailData) loadStep(db *gorm.DB, event *model.Event) error {
	l.step, l.assignee = event, "nobody"
	var now *model.User
	if err := loadIf(&now, db, l.theCase.AssigneeID); err != nil || now == nil {
		return err
	}
	l.assignee = now.Name
	return nil
}

func (l *mailData) loadZone(db *gorm.DB) error {
	var s model.Settings
	if err := db.Select("time_zone").Take(&s).Error; err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	var err error
	if l.zone, err = time.LoadLocation(s.TimeZone); err != nil {
		l.zone = time.UTC // this machine does not know the zone; the mail names the zone that it uses
	}
	return nil
}

func loadRow[T any](db *gorm.DB, id any) (*T, error) {
	row := new(T)
	if err := db.Take(row, "id = ?", id).Error; err != nil {
		return nil, fmt.Errorf("read %T %s: %w", *row, id, err)
	}
	return row, nil
}

// loadIf loads a row; it leaves the row nil where the id is nil.
func loadIf[T any, ID model.AnyID](row **T, db *gorm.DB, id *ID) (err error) {
	if id == nil {
		return nil
	}
	*row, err = loadRow[T](db, *id)
	return err
}
