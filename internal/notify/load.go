package notify

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// letter is what a mail is made of, as it is when the mail is written. There is no field for a note, and there must
// never be one; an event's snapshot and its note's id are not even read.
type letter struct {
	notification *model.Notification
	customer     *model.Customer
	response     *model.Response // nil: somebody opened the case by hand
	opened       *model.Case     // nil: the response opened none
	rule         string          // empty: no rule asked for the mail
	assignedBy   string          // empty: a rule did, or nothing was assigned
	movedTo      string          // who has the case meanwhile, where it is not the one it was assigned to
	step         *model.Event    // of an escalation
	assignee     string          // of an escalation: who has the case now
	zone         *time.Location
	webhook      *model.Webhook // of a mail that is about one, and about nothing else; nil: it was deleted
}

func load(db *gorm.DB, n *model.Notification) (*letter, error) {
	l := &letter{notification: n}
	if n.Kind == model.NotifyWebhookDisabled {
		return l, l.loadWebhook(db)
	}
	var event *model.Event
	err := errors.Join(
		takeIf(&event, db.Select("id", "type", "actor_id", "rule_id", "assignee_id", "step", "after"), n.EventID),
		takeIf(&l.opened, db, n.CaseID),
	)
	if err != nil {
		return nil, err
	}
	responseID := n.ResponseID
	if responseID == nil && l.opened != nil {
		responseID = l.opened.ResponseID
	}
	if err := takeIf(&l.response, db, responseID); err != nil {
		return nil, err
	}
	var customer model.CustomerID
	switch {
	case l.response != nil:
		customer = l.response.CustomerID
	case l.opened != nil:
		customer = l.opened.CustomerID
	}
	if l.customer, err = take[model.Customer](db, customer); err != nil {
		return nil, err
	}
	return l, errors.Join(l.loadRule(db, event), l.loadPeople(db, event), l.loadZone(db))
}

func (l *letter) loadRule(db *gorm.DB, event *model.Event) error {
	id := l.notification.RuleID
	if id == nil && event != nil {
		id = event.RuleID
	}
	var rule *model.Rule
	if err := takeIf(&rule, db.Select("id", "name"), id); err != nil || rule == nil {
		return err
	}
	l.rule = rule.Name
	return nil
}

func (l *letter) loadPeople(db *gorm.DB, event *model.Event) error {
	if event == nil || l.opened == nil {
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
	if err := errors.Join(takeIf(&by, db, event.ActorID), takeIf(&now, db, l.opened.AssigneeID)); err != nil {
		return err
	}
	if by != nil {
		l.assignedBy = by.Name
	}
	switch {
	case event.AssigneeID == nil: // the event does not say whom to, so nothing can differ from it
	case now == nil:
		l.movedTo = "nobody"
	case now.ID != *event.AssigneeID:
		l.movedTo = now.Name
	}
	return nil
}

// loadStep tells who has the case when the mail is written: the step, or somebody after it, may have moved it.
func (l *letter) loadStep(db *gorm.DB, event *model.Event) error {
	l.step, l.assignee = event, "nobody"
	var now *model.User
	if err := takeIf(&now, db, l.opened.AssigneeID); err != nil || now == nil {
		return err
	}
	l.assignee = now.Name
	return nil
}

func (l *letter) loadZone(db *gorm.DB) error {
	var s model.Settings
	if err := db.Select("time_zone").Take(&s).Error; err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	var err error
	if l.zone, err = time.LoadLocation(s.TimeZone); err != nil {
		l.zone = time.UTC // a zone that this machine does not know; the mail names the one it uses
	}
	return nil
}

func take[T any](db *gorm.DB, id any) (*T, error) {
	row := new(T)
	if err := db.Take(row, "id = ?", id).Error; err != nil {
		return nil, fmt.Errorf("read %T %s: %w", *row, id, err)
	}
	return row, nil
}

// takeIf leaves the row nil where there is no id.
func takeIf[T any, ID model.AnyID](row **T, db *gorm.DB, id *ID) (err error) {
	if id == nil {
		return nil
	}
	*row, err = take[T](db, *id)
	return err
}
