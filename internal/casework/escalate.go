package casework

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/assignment"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// Escalate takes the one step that has been due the longest, of all cases: its event, whom it tells, and who has the
// case from now on. It answers whether there was one. A step whose case has been followed up meanwhile tells nobody
// and leaves nothing in the log.
//
// It is one step to a transaction, so that locks can be taken in their order: the step's own, which nobody else waits
// for, then customer, users and case.
func (w *Work) Escalate(ctx context.Context) (found bool, err error) {
	now := pg.Timestamp(w.now())
	// A look without a lock first, at the first that is to come: see MarkOverdue.
	var due bool
	err = w.db.Gorm.WithContext(ctx).Raw("SELECT coalesce(min(due_at) < ?, false) FROM case_escalations WHERE settled_at IS NULL", now).Scan(&due).Error
	if err != nil || !due {
		return false, err
	}
	err = w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		var steps []model.CaseEscalation
		// The steps of one case happen in their order, also where several servers come to them at once.
		err := tx.Raw(`SELECT * FROM case_escalations s WHERE due_at < ? AND settled_at IS NULL AND NOT EXISTS
			(SELECT 1 FROM case_escalations e WHERE e.case_id = s.case_id AND e.step < s.step AND e.settled_at IS NULL)
			ORDER BY due_at, case_id, step LIMIT 1 FOR UPDATE SKIP LOCKED`, now).Scan(&steps).Error
		if found = len(steps) > 0; !found || err != nil {
			return err
		}
		logged, err := w.escalate(ctx, tx, now, &steps[0])
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

// escalate does what the step asks for. It answers with the event, which is nil where the case has been followed up.
func (w *Work) escalate(ctx context.Context, tx *gorm.DB, now time.Time, s *model.CaseEscalation) (*model.LoggedEvent, error) {
	before := new(model.Case)
	err := tx.Select("customer_id", "assignee_id", "status", "first_follow_up_at").Where("id = ?", s.CaseID).Take(before).Error
	if err != nil {
		return nil, fmt.Errorf("read a case: %w", err)
	}
	if before.FollowedUp() { // for good: whoever reopens a case does not undo that
		return nil, nil
	}
	d, people, err := w.stepPeople(tx, s, before)
	if err != nil {
		return nil, err
	}
	h, err := LockCase(tx, s.CaseID, nil)
	if err != nil || h.FollowedUp() {
		return nil, err
	}
	had := h.Assignee
	logged, err := h.Change(tx, now, event.Entry{Type: model.EventEscalated, Rule: &s.RuleID, Step: &s.Step, Duration: &s.After}, func() {})
	if err != nil {
		return nil, err
	}
	if d.Opens != nil {
		if err := w.reassign(ctx, tx, now, h, people.Assignee(d, h.Customer), s); err != nil {
			return nil, err
		}
	}
	var mails []model.Notification
	for _, a := range people.Alerts(d, h.Customer, had) {
		mails = append(mails, model.Notification{
			Kind: model.NotifyCaseEscalated, To: a.To, CreatedAt: now, CaseID: &h.ID, ResponseID: h.ResponseID, RuleID: &s.RuleID, EventID: &logged.ID,
		})
	}
	return logged, w.Mail(ctx, tx, mails)
}

// stepPeople looks up whom the step may need, and keeps them, and the customer who may name them, as they are until the
// transaction ends.
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

// reassign gives the case to whom the step has found. Where it has found nobody, whoever has the case keeps it, unless
// nobody is just what the step asks for.
func (w *Work) reassign(ctx context.Context, tx *gorm.DB, now time.Time, h *LockedCase, to *model.User, s *model.CaseEscalation) error {
	if to == nil && (s.Reassign.Strategy != model.Unassigned || h.AssigneeID == nil) {
		return nil
	}
	if to != nil && model.Same(h.AssigneeID, &to.ID) {
		return nil
	}
	_, err := w.Assign(ctx, tx, now, h, to, event.Entry{Rule: &s.RuleID}, true)
	return err
}

func settle(tx *gorm.DB, now time.Time, s *model.CaseEscalation, e *model.LoggedEvent) error {
	var id *model.EventID
	if e != nil {
		id = &e.ID
	}
	err := tx.Exec("UPDATE case_escalations SET settled_at = ?, event_id = ? WHERE case_id = ? AND step = ?", now, id, s.CaseID, s.Step).Error
	if err != nil {
		return fmt.Errorf("settle a step: %w", err)
	}
	return nil
}
