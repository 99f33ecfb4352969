package casework

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/model"
)

// RecordReplyInput says that the customer replied, and what the customer suggested to improve.
type RecordReplyInput struct {
	CaseID         model.CaseID
	Note           *string
	Improvement    *string
	IdempotencyKey *string
}

// RecordReplyPayload is the case and its event.
type RecordReplyPayload struct {
	Case  *model.Case
	Event *model.CustomerReplied
}

// RecordReply records that the customer replied.
func (w *Work) RecordReply(ctx context.Context, viewer auth.Viewer, in RecordReplyInput) (*RecordReplyPayload, error) {
	out := new(RecordReplyPayload)
	call := idempotency.Call{Mutation: "recordReply", Key: in.IdempotencyKey, Input: in}
	ofInput := fault.Join(checkOptional("input.note", in.Note), checkOptional("input.improvement", in.Improvement))
	if err := call.Check(viewer); err != nil {
		return nil, fault.Join(ofInput, err)
	}
	answer := func(c *model.Case, e *model.LoggedEvent) {
		*out = RecordReplyPayload{Case: c, Event: &model.CustomerReplied{LoggedEvent: e}}
	}
	err := idempotentEvent(ctx, w, viewer, call, answer, func(tx *gorm.DB, now time.Time) (*model.Case, *model.LoggedEvent, error) {
		c, err := LockCaseFor(tx, now, viewer, in.CaseID, nil)
		if err := fault.Join(err, ofInput); err != nil {
			return nil, nil, err
		}
		e := event.Entry{Type: model.EventCustomerReplied, Actor: &viewer.User.ID, Improvement: in.Improvement}
		changes := w.Changes()
		if in.Note != nil {
			e.Note = &changes.Note(c, viewer.User, *in.Note).ID
		}
		logged := changes.Change(c, e, func() { changes.contact(c, model.Replied) })
		return &c.Case, logged, w.Save(tx, changes)
	}, w.reloadNamed)
	return payload(out, err)
}
