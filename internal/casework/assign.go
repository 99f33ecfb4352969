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

// AssignCaseInput gives a case to a user, or to nobody.
type AssignCaseInput struct {
	CaseID          model.CaseID
	AssigneeID      *model.UserID
	Note            *string
	ExpectedVersion *int
}

// AssignCasePayload has no event where the case was theirs already.
type AssignCasePayload struct {
	Case  *model.Case
	Event *model.CaseAssigned
}

// AssignCase gives the case to a user, or to nobody. Where it is theirs already, only the note is kept, as one that
// stands alone: what somebody wrote is never dropped in silence.
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

// assign gives a locked case to a user, or to nobody, with a note where there is one. The event is nil where the case was
// theirs already.
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

// give assigns a locked case, writes the event, and queues the mail to whoever gets it.
func (w *Work) Assign(ctx context.Context, tx *gorm.DB, now time.Time, h *LockedCase, to *model.User, e event.Entry, mail bool) (*model.LoggedEvent, error) {
	e = h.AssignedEntry(to, e)
	logged, err := h.Change(tx, now, e, func() { h.AssignTo(to, e.Actor, now) })
	if err != nil || to == nil || !mail {
		return logged, err
	}
	return logged, w.Mail(ctx, tx, AssignedMail(h, to, logged))
}

// assigned makes the entry that of the case's going to a user, or to nobody.
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

// CaseVersionInput names a case, and the version that the caller saw.
type CaseVersionInput struct {
	ID              model.CaseID
	ExpectedVersion *int
}

// AssignCasesInput gives several cases to one user.
type AssignCasesInput struct {
	Cases      []*CaseVersionInput
	AssigneeID *model.UserID
	Note       *string
}

// AssignCasesPayload is the cases, in the order of the input.
type AssignCasesPayload struct{ Cases []*model.Case }

// AssignCases gives several cases to one user, or to nobody: all or nothing.
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

// moved says which case of a list a fault is about.
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

// Reassign gives all cases of a user that are not closed to another one, in the transaction that makes the first
// inactive: package user calls it, and it is the one exported function that begins no transaction of its own. The caller
// has locked the row of from.
func (w *Work) Reassign(ctx context.Context, tx *gorm.DB, viewer auth.Viewer, from, to model.UserID) error {
	now := pg.Timestamp(w.now())
	user, err := assignment.LockUser(tx, "input.reassignTo", to)
	if err != nil {
		return err
	}
	if from == to {
		return fault.Input("input.reassignTo", "the cases are theirs already; name another user")
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
			continue // somebody was quicker
		}
		if _, err := w.Assign(ctx, tx, now, h, user, event.Entry{Actor: &viewer.User.ID}, true); err != nil {
			return err
		}
	}
	return nil
}
