package casework

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/assignment"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// Escalate takes one escalation step, the one that has been due for the longest time: it records the event, queues
// the mails and changes the assignee. It returns false where no step is due. A step whose case has been followed up
// meanwhile queues no mail and records no event.
//
// Each step has a transaction of its own, so that the locks keep their order: first the step's row, for which no other
// transaction waits, then the customer, the users and the case.
func (w *Work) Escalate(ctx context.Context) (found bool, err error) {
	if due, err := w.due(ctx, nextStep); err != nil || !due {
		return false, err
	}
	err = w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		var steps []model.CaseEscalation
		// A step waits for the earlier steps of its case, so that several servers cannot take them out of order.
		err := tx.Raw(`SELECT * FROM case_escalations s WHERE due_at < ? AND settled_at IS NULL AND NOT EXISTS
			(SELECT 1 FROM case_escalations e WHERE e.case_id = s.case_id AND e.step < s.step AND e.settled_at IS NULL)
			ORDER BY due_at, case_id, step LIMIT 1 FOR UPDATE SKIP LOCKED`, now).Scan(&steps).Error
		if found = len(steps) > 0; !found || err != nil {
			return err
		}
		logged, err := w.escalate(tx, now, &steps[0])
		if err != nil {
			return err
		}
		return settle(tx, now, &steps[0], logged)
	})
	if err != nil {
		return false, fmt.Errorf("escalate a case: %w", err)
	}
	return found, nil
}

// escalate takes the step. The event is nil when the case has been followed up.
func (w *Work) escalate(tx *gorm.DB, now time.Time, s *model.CaseEscalation) (*model.LoggedEvent, error) {
	before := new(model.Case)
	err := tx.Select("customer_id", "assignee_id", "status", "first_follow_up_at").Where("id = ?", s.CaseID).Take(before).Error
	if err != nil {
		return nil, fmt.Errorf("read a case: %w", err)
	}
	if before.FollowedUp() { // reopening a case does not undo its follow-up
		return nil, nil
	}
	d, people, err := w.stepPeople(tx, s, before)
	if err != nil {
		return nil, err
	}
	c, err := LockCase(tx, s.CaseID, nil)
	if err != nil || c.FollowedUp() {
		return nil, err
	}
	previous := c.Assignee
	changes := w.Changes()
	logged := changes.Change(c, event.Entry{Type: model.EventEscalated, Rule: &s.RuleID, Step: &s.Step, Duration: &s.After}, func() {})
	if d.Opens != nil {
		changes.reassign(c, people.Assignee(d, c.Customer), s)
	}
	for _, a := range people.Alerts(d, c.Customer, previous) {
		changes.mails = append(changes.mails, model.Notification{
			Kind: model.NotifyCaseEscalated, To: a.To, CreatedAt: now, CaseID: &c.ID, ResponseID: c.ResponseID, RuleID: &s.RuleID, EventID: &logged.ID,
		})
	}
	return logged, w.Save(tx, changes)
}

// stepPeople reads the users that the step may need, and locks them until the transaction ends. It locks the customer
// first, because the step may find a user by an e-mail address in the customer's data.
func (w *Work) stepPeople(tx *gorm.DB, s *model.CaseEscalation, of *model.Case) (rule.Decision, assignment.People, error) {
	d := rule.Step(s, of.AssigneeID)
	customer := new(model.Customer)
	err := tx.Clauses(clause.Locking{Strength: "SHARE"}).Where("id = ?", of.CustomerID).Take(customer).Error
	if err != nil {
		return d, assignment.People{}, fmt.Errorf("read a customer: %w", err)
	}
	var settings model.Settings
	if err := tx.Take(&settings).Error; err != nil {
		return d, assignment.People{}, fmt.Errorf("read the settings: %w", err)
	}
	people, turns, err := assignment.LookUp(tx, settings.CentralAddresses, assignment.Request{Decision: d, Customer: customer})
	if d.Opens != nil {
		people.Turn = turns[d.Opens.ID]
	}
	return d, people, err
}

// reassign assigns the case to the user that the step's strategy found. Where the strategy found no user, the assignee
// stays, unless the strategy is UNASSIGNED.
func (ch *Changes) reassign(c *LockedCase, to *model.User, s *model.CaseEscalation) {
	if to == nil && (s.Reassign.Strategy != model.Unassigned || c.AssigneeID == nil) {
		return
	}
	if to != nil && model.Same(c.AssigneeID, &to.ID) {
		return
	}
	ch.Assign(c, to, event.Entry{Rule: &s.RuleID})
}

// settle marks the step as taken; the event is nil where the step recorded none.
func settle(tx *gorm.DB, now time.Time, s *model.CaseEscalation, e *model.LoggedEvent) error {
	var id *model.EventID
	if e != nil {
		id = &e.ID
	}
	err := tx.Exec("UPDATE case_escalations SET settled_at = ?, event_id = ? WHERE case_id = ? AND step = ?", now, id, s.CaseID, s.Step).Error
	if err != nil {
		return fmt.Errorf("settle an escalation step: %w", err)
	}
	return nil
}
