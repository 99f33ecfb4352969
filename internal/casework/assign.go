package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
		var to *model.User
		if in.AssigneeID != nil {
			var err error
			if to, err = assignment.LockUser(tx, "input.assigneeId", *in.AssigneeID); err != nil {
				return err
			}
		}
		h, err := LockCaseFor(tx, now, viewer, in.CaseID, in.ExpectedVersion)
		if err != nil {
			return err
		}
		out.Case = &h.Case
		logged, err := w.assign(ctx, tx, now, viewer, h, to, in.Note)
		if logged != nil {
			out.Event = &model.CaseAssigned{LoggedEvent: logged}
		}
		return err
	})
	return payload(out, err)
}

// assign assigns a locked case to a user, or makes it unassigned, with an optional note. The event is nil when the
// assignee did not change.
func (w *Work) assign(ctx context.Context, tx *gorm.DB, now time.Time, viewer auth.Viewer, h *LockedCase, to *model.User, note *string) (*model.LoggedEvent, error) {
	e := event.Entry{Actor: &viewer.User.ID}
	var id *model.UserID
	if to != nil {
		id = &to.ID
	}
	theirs := model.Same(h.AssigneeID, id)
	switch {
	case theirs && note == nil:
		return nil, nil
	case theirs:
		_, _, err := h.addNote(tx, now, viewer.User, "input.note", *note)
		return nil, err
	case note != nil:
		written, err := WriteNote(tx, now, h.ID, viewer.User, "input.note", *note)
		if err != nil {
			return nil, err
		}
		e.Note = &written.ID
	}
	return w.Assign(ctx, tx, now, h, to, e, true)
}

// give assigns a locked case, writes the event, and queues the mail to the new assignee.
func (w *Work) Assign(ctx context.Context, tx *gorm.DB, now time.Time, h *LockedCase, to *model.User, e event.Entry, mail bool) (*model.LoggedEvent, error) {
	e = h.AssignedEntry(to, e)
	logged, err := h.Change(tx, now, e, func() { h.AssignTo(to, e.Actor, now) })
	if err != nil || to == nil || !mail {
		return logged, err
	}
	return logged, w.Mail(ctx, tx, AssignedMail(h, to, logged))
}

// assigned fills the entry of the event that changes the assignee.
func (h *LockedCase) AssignedEntry(to *model.User, e event.Entry) event.Entry {
	e.Type, e.PreviousAssignee = model.EventAssigned, h.AssigneeID
	if to != nil {
		e.Assignee = &to.ID
	}
	return e
}

func AssignedMail(h *LockedCase, to *model.User, e *model.LoggedEvent) []model.Notification {
	if h.Customer.Email != nil && model.Fold(*h.Customer.Email) == to.EmailFold {
		return nil // an internal mail never goes to the customer it is about
	}
	return []model.Notification{{
		Kind: model.NotifyCaseAssigned, To: to.Email, CreatedAt: e.At,
		CaseID: &h.ID, ResponseID: h.ResponseID, RuleID: e.RuleID, EventID: &e.ID,
	}}
}

// CaseVersionInput names a case and the version that the caller has read.
type CaseVersionInput struct {
	ID              model.CaseID
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
		return nil, fault.Input("input.cases", "from 1 to %d cases, not %d", casesMax, n)
	}
	if in.Note != nil {
		if err := CheckNote("input.note", *in.Note); err != nil {
			return nil, err
		}
	}
	order := make([]int, len(in.Cases)) // cases are locked by id; the answer is in the caller's order
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return strings.Compare(in.Cases[a].ID.String(), in.Cases[b].ID.String())
	})
	out := new(AssignCasesPayload)
	err := w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		out.Cases = make([]*model.Case, len(in.Cases))
		var to *model.User
		if in.AssigneeID != nil {
			var err error
			if to, err = assignment.LockUser(tx, "input.assigneeId", *in.AssigneeID); err != nil {
				return err
			}
		}
		for n, i := range order {
			at := fmt.Sprintf("input.cases[%d]", i)
			if n > 0 && in.Cases[order[n-1]].ID == in.Cases[i].ID {
				return fault.Input(at+".id", "this case is in the list twice")
			}
			h, err := LockCaseFor(tx, now, viewer, in.Cases[i].ID, in.Cases[i].ExpectedVersion)
			if err != nil {
				return moved(at, err)
			}
			if _, err := w.assign(ctx, tx, now, viewer, h, to, in.Note); err != nil {
				return err
			}
			out.Cases[i] = &h.Case
		}
		return nil
	})
	return payload(out, err)
}

const casesMax = 500

// moved changes the argument of a fault to the case of the list that it is about.
func moved(at string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	there := *f
	switch f.Argument {
	case "input.caseId":
		there.Argument = at + ".id"
	case "input.expectedVersion":
		there.Argument = at + ".expectedVersion"
	}
	return &there
}

// Reassign assigns all cases of a user that are not closed to another user, in the transaction that makes the first user
// inactive. Package user calls it. It is the only exported function that does not begin a transaction: the caller has
// begun one and locked the row of from.
func (w *Work) Reassign(ctx context.Context, tx *gorm.DB, viewer auth.Viewer, from, to model.UserID) error {
	now := pg.Timestamp(w.now())
	user, err := assignment.LockUser(tx, "input.reassignTo", to)
	if err != nil {
		return err
	}
	if from == to {
		return fault.Input("input.reassignTo", "the cases are assigned to this user already; name another user")
	}
	var ids []model.CaseID
	err = tx.Raw("SELECT id FROM cases WHERE assignee_id = ? AND status <> 'CLOSED' ORDER BY id", from).Scan(&ids).Error
	if err != nil {
		return err
	}
	for _, id := range ids {
		h, err := LockCase(tx, id, nil)
		if err != nil {
			return err
		}
		if !model.Same(h.AssigneeID, &from) || h.Status == model.Closed {
			continue // another transaction reassigned or closed the case meanwhile
		}
		if _, err := w.Assign(ctx, tx, now, h, user, event.Entry{Actor: &viewer.User.ID}, true); err != nil {
			return err
		}
	}
	return nil
}
