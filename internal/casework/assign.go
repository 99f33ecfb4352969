package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/assignment"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// AssignCaseInput assigns a case to a user, or makes it unassigned.
type AssignCaseInput struct {
	CaseID          model.CaseID
	AssigneeID      *model.UserID
	Note            *string
	ExpectedVersion *int
}

// AssignCasePayload is the case and the event; the event is nil when the assignee did not change.
type AssignCasePayload struct {
	Case  *model.Case
	Event *model.CaseAssigned
}

// AssignCase assigns the case to a user, or makes it unassigned. When the assignee does not change, the call only adds
// the note, with an event of its own: a note that a user wrote is never lost.
func (w *Work) AssignCase(ctx context.Context, viewer auth.Viewer, in AssignCaseInput) (*AssignCasePayload, error) {
	out := new(AssignCasePayload)
	err := w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		*out = AssignCasePayload{}
		p := pg.NewPipeline(tx)
		assignee := addLockAssignee(p, in.AssigneeID)
		locked := addLockFor(p, now, viewer, in.CaseID, in.ExpectedVersion)
		if err := p.Send(); err != nil {
			return err
		}
		to, ofUser := assignee()
		c, ofCase := locked()
		if err := fault.Join(ofCase, ofUser, checkOptional("input.note", in.Note)); err != nil {
			return err
		}
		out.Case = &c.Case
		changes := w.Changes()
		if logged := changes.assign(viewer, c, to, in.Note); logged != nil {
			out.Event = &model.CaseAssigned{LoggedEvent: logged}
		}
		return w.Save(tx, changes)
	})
	return payload(out, err)
}

// addLockAssignee adds to a pipeline the lock of the user of the input's assigneeId. When the pipeline has been sent, locked
// returns the user; nil where there is none.
func addLockAssignee(p *pg.Pipeline, id *model.UserID) (locked func() (*model.User, error)) {
	if id == nil {
		return func() (*model.User, error) { return nil, nil }
	}
	return assignment.AddLockUser(p, "input.assigneeId", *id)
}

// assign assigns a locked case to a user, or makes it unassigned, with an optional note. The event is nil when the
// assignee did not change.
func (ch *Changes) assign(viewer auth.Viewer, c *LockedCase, to *model.User, note *string) *model.LoggedEvent {
	e := event.Entry{Actor: &viewer.User.ID}
	if note != nil {
		e.Note = &ch.Note(c, viewer.User, *note).ID
	}
	var id *model.UserID
	if to != nil {
		id = &to.ID
	}
	if !model.Same(c.AssigneeID, id) {
		return ch.Assign(c, to, e)
	}
	if note != nil {
		e.Type = model.EventNoteAdded
		ch.Change(c, e, func() {})
	}
	return nil
}

// AssignedEntry completes the entry of an ASSIGNED event. Call it before the assignee changes: it reads the previous one.
func (c *LockedCase) AssignedEntry(to *model.User, e event.Entry) event.Entry {
	e.Type, e.PreviousAssignee = model.EventAssigned, c.AssigneeID
	if to != nil {
		e.Assignee = &to.ID
	}
	return e
}

// AssignedMail returns the mail to the new assignee; none where the assignee has the address of the customer.
func AssignedMail(c *LockedCase, to *model.User, e *model.LoggedEvent) []model.Notification {
	if c.Customer.Email != nil && model.Fold(*c.Customer.Email) == to.EmailFold {
		return nil // an internal mail about a customer never goes to that customer
	}
	return []model.Notification{{
		Kind: model.NotifyCaseAssigned, To: to.Email, CreatedAt: e.At,
		CaseID: &c.ID, ResponseID: c.ResponseID, RuleID: e.RuleID, EventID: &e.ID,
	}}
}

// CaseVersionInput names a case and the version that the caller has read.
type CaseVersionInput struct {
	CaseID          model.CaseID
	ExpectedVersion *int
}

// AssignCasesInput assigns several cases to one user.
type AssignCasesInput struct {
	Cases      []*CaseVersionInput
	AssigneeID *model.UserID
	Note       *string
}

// AssignCasesPayload is the cases, in the order of the input.
type AssignCasesPayload struct{ Cases []*model.Case }

// AssignCases assigns several cases to one user, or makes them unassigned: all of them or none.
func (w *Work) AssignCases(ctx context.Context, viewer auth.Viewer, in AssignCasesInput) (*AssignCasesPayload, error) {
	if n := len(in.Cases); n < 1 || n > casesMax {
		return nil, fault.Join(fault.Input("input.cases", "give from 1 to %d cases, not %d", casesMax, n), checkOptional("input.note", in.Note))
	}
	ids := make([]model.CaseID, len(in.Cases))
	for i, c := range in.Cases {
		ids[i] = c.CaseID
	}
	ofInput := fault.Join(checkTwice("input.cases[%d].caseId", ids), checkOptional("input.note", in.Note))
	out := new(AssignCasesPayload)
	err := w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		out.Cases = make([]*model.Case, len(in.Cases))
		p := pg.NewPipeline(tx)
		assignee := addLockAssignee(p, in.AssigneeID)
		locked, visible := addLock(p, ids), addVisible(p, now, viewer, ids...)
		if err := p.Send(); err != nil {
			return err
		}
		to, ofUser := assignee()
		cases, err := locked()
		if err != nil {
			return err
		}
		byID := map[model.CaseID]*LockedCase{}
		for _, c := range cases {
			byID[c.ID] = c
		}
		faults := []error{ofInput, ofUser}
		for i, of := range in.Cases {
			at := fmt.Sprintf("input.cases[%d]", i)
			if c := byID[of.CaseID]; c == nil || !visible(c.ID) {
				faults = append(faults, inList(at, noSuchCase()))
			} else {
				faults = append(faults, inList(at, c.expect(of.ExpectedVersion)))
			}
		}
		if err := fault.Join(faults...); err != nil {
			return err
		}
		changes := w.Changes()
		for i, id := range ids {
			changes.assign(viewer, byID[id], to, in.Note)
			out.Cases[i] = &byID[id].Case
		}
		return w.Save(tx, changes)
	})
	return payload(out, err)
}

const casesMax = 500

// inList changes the argument of a fault about one case to the place of that case in the list.
func inList(at string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	moved := *f
	switch f.Argument {
	case "input.caseId":
		moved.Argument = at + ".caseId"
	case "input.expectedVersion":
		moved.Argument = at + ".expectedVersion"
	}
	return &moved
}

// LockSuccessor locks and returns the user who gets the cases of a user who leaves. Package user calls it before Reassign.
func LockSuccessor(tx *gorm.DB, argument string, leaving *model.User, to model.UserID) (*model.User, error) {
	switch {
	case leaving.CanBeAssigned():
		return nil, fault.Input(argument, "reassignTo requires that the user is inactive, or has a role that works no cases")
	case leaving.ID == to:
		return nil, fault.Input(argument, "these cases are already assigned to this user; name another user")
	}
	return assignment.LockUser(tx, argument, to)
}

// Reassign assigns all cases of user from that are not closed to user to. Package user calls it in the transaction that
// makes from inactive; that transaction must have locked the rows of both.
func (w *Work) Reassign(tx *gorm.DB, viewer auth.Viewer, from model.UserID, to *model.User) error {
	var ids []model.CaseID
	err := tx.Raw("SELECT id FROM cases WHERE assignee_id = ? AND status <> 'CLOSED' ORDER BY id", from).Scan(&ids).Error
	if err != nil {
		return err
	}
	for some := range slices.Chunk(ids, casesMax) {
		cases, err := LockCases(tx, some)
		if err != nil {
			return err
		}
		changes := w.Changes()
		for _, c := range cases {
			if model.Same(c.AssigneeID, &from) && c.Status != model.Closed { // else another transaction reassigned or closed it meanwhile
				changes.Assign(c, to, event.Entry{Actor: &viewer.User.ID})
			}
		}
		if err := w.Save(tx, changes); err != nil {
			return err
		}
	}
	return nil
}
