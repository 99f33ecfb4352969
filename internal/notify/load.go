package notify

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// mailData is the content of a mail, loaded when the mail is written. It must never have a field for a note, because a
// forwarded mail may reach the customer. For the same reason load reads neither an event's snapshot nor the id of its note.
type mailData struct {
	notification    *model.Notification
	customer        *model.Customer
	response        *model.Response // nil: a user opened the case
	caseRow         *model.Case     // nil: the response opened no case
	rule            string          // empty: no rule sends the mail
	assignedBy      string          // empty: a rule assigned the case, or the case is unassigned
	currentAssignee string          // the assignee now, where it is not the user to whom the event assigned the case
	step            *model.Event    // for an escalation
	assignee        string          // for an escalation: the assignee now
	zone            *time.Location
	old             *oldResponses  // for a mail about the old responses of an import
	webhook         *model.Webhook // for a mail about a webhook; nil: the webhook was deleted
}

// load reads the content of a mail.
func load(db *gorm.DB, n *model.Notification) (*mailData, error) {
	m := &mailData{notification: n}
	switch n.Kind {
	case model.NotifyWebhookDisabled:
		return m, m.loadWebhook(db)
	case model.NotifyOldResponses:
		return m, m.loadOld(db)
	}
	var event *model.Event
	err := errors.Join(
		loadIf(&event, db.Select("id", "type", "actor_id", "rule_id", "assignee_id", "step", "after"), n.EventID),
		loadIf(&m.caseRow, db, n.CaseID),
	)
	if err != nil {
		return nil, err
	}
	responseID := n.ResponseID
	if responseID == nil && m.caseRow != nil {
		responseID = m.caseRow.ResponseID
	}
	if err := loadIf(&m.response, db, responseID); err != nil {
		return nil, err
	}
	var customer model.CustomerID
	switch {
	case m.response != nil:
		customer = m.response.CustomerID
	case m.caseRow != nil:
		customer = m.caseRow.CustomerID
	}
	if m.customer, err = loadRow[model.Customer](db, customer); err != nil {
		return nil, err
	}
	return m, errors.Join(m.loadRule(db, event), m.loadPeople(db, event), m.loadZone(db))
}

func (m *mailData) loadRule(db *gorm.DB, event *model.Event) error {
	id := m.notification.RuleID
	if id == nil && event != nil {
		id = event.RuleID
	}
	var rule *model.Rule
	if err := loadIf(&rule, db.Select("id", "name"), id); err != nil || rule == nil {
		return err
	}
	m.rule = rule.Name
	return nil
}

func (m *mailData) loadPeople(db *gorm.DB, event *model.Event) error {
	if event == nil || m.caseRow == nil {
		return nil
	}
	switch m.notification.Kind {
	case model.NotifyCaseEscalated:
		return m.loadStep(db, event)
	case model.NotifyCaseAssigned:
	default:
		return nil
	}
	var by, now *model.User
	if err := errors.Join(loadIf(&by, db, event.ActorID), loadIf(&now, db, m.caseRow.AssigneeID)); err != nil {
		return err
	}
	if by != nil {
		m.assignedBy = by.Name
	}
	switch {
	case event.AssigneeID == nil: // the event names no assignee to compare with
	case now == nil:
		m.currentAssignee = "nobody"
	case now.ID != *event.AssigneeID:
		m.currentAssignee = now.Name
	}
	return nil
}

// loadStep loads the assignee at the time when the mail is written: the step, or a user after the step, may have changed it.
func (m *mailData) loadStep(db *gorm.DB, event *model.Event) error {
	m.step, m.assignee = event, "nobody"
	var now *model.User
	if err := loadIf(&now, db, m.caseRow.AssigneeID); err != nil || now == nil {
		return err
	}
	m.assignee = now.Name
	return nil
}

func (m *mailData) loadZone(db *gorm.DB) error {
	var s model.Settings
	if err := db.Select("time_zone").Take(&s).Error; err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	var err error
	if m.zone, err = time.LoadLocation(s.TimeZone); err != nil {
		m.zone = time.UTC // this machine does not know the zone; the mail names the zone that it uses
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
