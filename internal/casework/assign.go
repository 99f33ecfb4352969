package casework

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// AssignCase gives the case to a user, or to nobody. Where it is theirs already, only the note is kept, as one that
// stands alone: what somebody wrote is never dropped in silence.
func (w *Work) AssignCase(ctx context.Context, viewer auth.Viewer, in AssignCaseInput) (*AssignCasePayload, error) {
	out := new(AssignCasePayload)
	err := w.write(ctx, func(tx *gorm.DB, now time.Time) error {
		*out = AssignCasePayload{}
		var to *model.User
		if in.AssigneeID != nil {
			var err error
			if to, err = assignee(tx, "input.assigneeId", *in.AssigneeID); err != nil {
				return err
			}
		}
		h, err := holdFor(tx, now, viewer, in.CaseID, in.ExpectedVersion)
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

// assign gives a held case to a user, or to nobody, with a note where there is one. The event is nil where the case was
// theirs already.
func (w *Work) assign(ctx context.Context, tx *gorm.DB, now time.Time, viewer auth.Viewer, h *held, to *model.User, note *string) (*model.LoggedEvent, error) {
	e := event.Entry{Actor: &viewer.User.ID}
	var id *model.UserID
	if to != nil {
		id = &to.ID
	}
	theirs := sameUser(h.AssigneeID, id)
	switch {
	case theirs && note == nil:
		return nil, nil
	case theirs:
		_, _, err := h.addNote(tx, now, viewer.User, "input.note", *note)
		return nil, err
	case note != nil:
		written, err := writeNote(tx, now, h.ID, viewer.User, "input.note", *note)
		if err != nil {
			return nil, err
		}
		e.Note = &written.ID
	}
	return w.give(ctx, tx, now, h, to, e, true)
}

// give assigns a held case, writes the event, and queues the mail to whoever gets it.
func (w *Work) give(ctx context.Context, tx *gorm.DB, now time.Time, h *held, to *model.User, e event.Entry, mail bool) (*model.LoggedEvent, error) {
	e = h.assigned(to, e)
	logged, err := h.change(tx, now, e, func() { h.AssignTo(to, e.Actor, now) })
	if err != nil || to == nil || !mail {
		return logged, err
	}
	return logged, w.queue.Mail(ctx, tx, assignedMail(h, to, logged))
}

// assigned makes the entry that of the case's going to a user, or to nobody.
func (h *held) assigned(to *model.User, e event.Entry) event.Entry {
	e.Type, e.PreviousAssignee = model.EventAssigned, h.AssigneeID
	if to != nil {
		e.Assignee = &to.ID
	}
	return e
}

func assignedMail(h *held, to *model.User, e *model.LoggedEvent) []model.Notification {
	if h.Customer.Email != nil && model.Fold(*h.Customer.Email) == to.EmailFold {
		return nil // an internal mail never goes to the customer it is about
	}
	return []model.Notification{{
		Kind: model.NotifyCaseAssigned, To: to.Email, CreatedAt: e.At,
		CaseID: &h.ID, ResponseID: h.ResponseID, RuleID: e.RuleID, EventID: &e.ID,
	}}
}

// Reassign gives all cases of a user that are not closed to another one, in the transaction that makes the first
// inactive: package user calls it, and it is the one exported function that begins no transaction of its own. The caller
// has locked the row of from.
func (w *Work) Reassign(ctx context.Context, tx *gorm.DB, viewer auth.Viewer, from, to model.UserID) error {
	now := w.now().UTC().Truncate(time.Microsecond)
	user, err := assignee(tx, "input.reassignTo", to)
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
		h, err := hold(tx, id, nil)
		if err != nil {
			return err
		}
		if !sameUser(h.AssigneeID, &from) || h.Status == model.Closed {
			continue // somebody was quicker
		}
		if _, err := w.give(ctx, tx, now, h, user, event.Entry{Actor: &viewer.User.ID}, true); err != nil {
			return err
		}
	}
	return nil
}

func sameUser(a, b *model.UserID) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// payload answers with nothing where the transaction came to nothing.
func payload[T any](out *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}
