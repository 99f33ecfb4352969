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

// UpdateCaseStatus moves the case to another status, with the note that says why.
func (w *Work) UpdateCaseStatus(ctx context.Context, viewer auth.Viewer, in UpdateCaseStatusInput) (*UpdateCaseStatusPayload, error) {
	out := new(UpdateCaseStatusPayload)
	err := w.write(ctx, func(tx *gorm.DB, now time.Time) error {
		if err := checkNote("input.note", in.Note); err != nil {
			return err
		}
		take := holdFor
		if in.Outreach != nil {
			take = holdWithCustomer
		}
		h, err := take(tx, now, viewer, in.CaseID, in.ExpectedVersion)
		if err != nil {
			return err
		}
		if h.Status == in.Status {
			return &fault.Error{Code: fault.CodeConflict, Argument: "input.status", Message: "the case has this status already"}
		}
		var settings model.Settings
		if err := tx.Take(&settings).Error; err != nil {
			return err
		}
		if settings.ForcedStatusOrder && h.Status == model.Open && in.Status == model.Closed {
			return fault.Input("input.status", "the settings force the order of statuses: a case goes from OPEN to IN_PROGRESS to CLOSED")
		}
		note, err := writeNote(tx, now, h.ID, viewer.User, "input.note", in.Note)
		if err != nil {
			return err
		}
		if in.Outreach != nil {
			if _, err := h.outreach(tx, now, viewer.User, *in.Outreach, note); err != nil {
				return err
			}
		}
		previous := h.Status
		e := event.Entry{Type: model.EventStatusChanged, Actor: &viewer.User.ID, Note: &note.ID, PreviousStatus: &previous, Status: &in.Status}
		logged, err := h.change(tx, now, e, func() { h.MoveTo(in.Status, now) })
		if err != nil {
			return err
		}
		*out = UpdateCaseStatusPayload{Case: &h.Case, Event: &model.CaseStatusChanged{LoggedEvent: logged}}
		return nil
	})
	return payload(out, err)
}

// AddNote keeps an internal note on the case.
func (w *Work) AddNote(ctx context.Context, viewer auth.Viewer, in AddNoteInput) (*AddNotePayload, error) {
	if err := checkNote("input.body", in.Body); err != nil {
		return nil, err
	}
	out := new(AddNotePayload)
	err := once(ctx, w, viewer, call{"addNote", in.IdempotencyKey, in}, func(tx *gorm.DB, now time.Time) (kept model.EventID, err error) {
		h, err := holdFor(tx, now, viewer, in.CaseID, nil)
		if err != nil {
			return kept, err
		}
		note, logged, err := h.addNote(tx, now, viewer.User, "input.body", in.Body)
		if err != nil {
			return kept, err
		}
		*out = AddNotePayload{Note: note, Case: &h.Case}
		return logged.ID, nil
	}, func(tx *gorm.DB, kept model.EventID) error {
		of, logged, err := w.readAgain(tx, viewer, kept)
		if err != nil {
			return err
		}
		*out = AddNotePayload{Note: new(model.Note), Case: of}
		return pg.WrapErr("read a note again", tx.Where("id = ?", *logged.NoteID).Take(out.Note).Error)
	})
	return payload(out, err)
}

// addNote keeps a note that stands alone on a held case, and says so in the log.
func (h *held) addNote(tx *gorm.DB, now time.Time, by *model.User, argument, body string) (*model.Note, *model.LoggedEvent, error) {
	note, err := writeNote(tx, now, h.ID, by, argument, body)
	if err != nil {
		return nil, nil, err
	}
	logged, err := h.change(tx, now, event.Entry{Type: model.EventNoteAdded, Actor: &by.ID, Note: &note.ID}, func() {})
	return note, logged, err
}
