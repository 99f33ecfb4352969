package casework

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// UpdateCaseStatusInput is a new status with its note.
type UpdateCaseStatusInput struct {
	CaseID          model.CaseID
	Status          model.CaseStatus
	Note            string
	Outreach        *OutreachInput // recorded in the same step
	ExpectedVersion *int
}

// UpdateCaseStatusPayload is the case and its event.
type UpdateCaseStatusPayload struct {
	Case  *model.Case
	Event *model.CaseStatusChanged
}

// UpdateCaseStatus changes the status of the case, with a note that gives the reason.
func (w *Work) UpdateCaseStatus(ctx context.Context, viewer auth.Viewer, in UpdateCaseStatusInput) (*UpdateCaseStatusPayload, error) {
	out := new(UpdateCaseStatusPayload)
	err := w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		p := pg.NewPipeline(tx)
		lock := addLockFor
		if in.Outreach != nil { // it may change the customer
			lock = addLockWithCustomer
		}
		locked := lock(p, now, viewer, in.CaseID, in.ExpectedVersion)
		var settings []*model.Settings
		pg.AddFind(p, "read the settings", tx.Limit(1), &settings)
		if err := p.Send(); err != nil {
			return err
		}
		ofNote := CheckNote("input.note", in.Note)
		c, err := locked()
		if err != nil {
			return fault.Join(err, ofNote)
		}
		if err := fault.Join(mayMove(settings[0], c, in.Status), ofNote); err != nil {
			return err
		}
		changes := w.Changes()
		note := changes.Note(c, viewer.User, in.Note)
		if in.Outreach != nil {
			changes.outreach(c, viewer.User, *in.Outreach, note)
		}
		previous := c.Status
		e := event.Entry{Type: model.EventStatusChanged, Actor: &viewer.User.ID, Note: &note.ID, PreviousStatus: &previous, Status: &in.Status}
		logged := changes.Change(c, e, func() { c.MoveTo(in.Status, now) })
		*out = UpdateCaseStatusPayload{Case: &c.Case, Event: &model.CaseStatusChanged{LoggedEvent: logged}}
		return w.Save(tx, changes)
	})
	return payload(out, err)
}

// mayMove refuses a status that the case has already, or that the settings do not allow next.
func mayMove(settings *model.Settings, c *LockedCase, to model.CaseStatus) error {
	if c.Status == to {
		return &fault.Error{Code: fault.CodeConflict, Argument: "input.status", Message: "the case already has this status"}
	}
	if settings.ForcedStatusOrder && c.Status == model.Open && to == model.Closed {
		return fault.Input("input.status", "the settings force the order of statuses: a case goes from OPEN to IN_PROGRESS to CLOSED")
	}
	return nil
}
