package casework

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// AddNoteInput is an internal note.
type AddNoteInput struct {
	CaseID         model.CaseID
	Body           string
	IdempotencyKey *string
}

// AddNotePayload is the new note and its case.
type AddNotePayload struct {
	Note *model.Note
	Case *model.Case
}

const noteMax = 20_000 // characters

// AddNote adds an internal note to the case.
func (w *Work) AddNote(ctx context.Context, viewer auth.Viewer, in AddNoteInput) (*AddNotePayload, error) {
	call := idempotency.Call{Mutation: "addNote", Key: in.IdempotencyKey, Input: in}
	ofBody := CheckNote("input.body", in.Body)
	if err := call.Check(viewer); err != nil {
		return nil, fault.Join(ofBody, err)
	}
	out := new(AddNotePayload)
	err := idempotency.Run(ctx, w.Write, viewer, call, func(tx *gorm.DB, now time.Time) (eventID model.EventID, err error) {
		c, err := LockCaseFor(tx, now, viewer, in.CaseID, nil)
		if err := fault.Join(err, ofBody); err != nil {
			return eventID, err
		}
		changes := w.Changes()
		note := changes.Note(c, viewer.User, in.Body)
		logged := changes.Change(c, event.Entry{Type: model.EventNoteAdded, Actor: &viewer.User.ID, Note: &note.ID}, func() {})
		*out = AddNotePayload{Note: note, Case: &c.Case}
		return logged.ID, w.Save(tx, changes)
	}, func(tx *gorm.DB, eventID model.EventID) error {
		of, logged, err := w.reloadNamed(tx, viewer, eventID)
		if err != nil {
			return err
		}
		*out = AddNotePayload{Note: new(model.Note), Case: of}
		return pg.WrapErr("read a note", tx.Where("id = ?", *logged.NoteID).Take(out.Note).Error)
	})
	return payload(out, err)
}

func newNote(now time.Time, on model.CaseID, by *model.User, body string) *model.Note {
	note := &model.Note{ID: model.NoteID{UUID: model.NewUUID()}, CaseID: on, AuthorID: by.ID, CreatedAt: now}
	note.Write(body)
	return note
}

// checkOptional is CheckNote for a note that may be left out.
func checkOptional(argument string, body *string) error {
	if body == nil {
		return nil
	}
	return CheckNote(argument, *body)
}

// CheckNote returns an error where a note is blank or too long.
func CheckNote(argument, body string) error {
	switch {
	case strings.TrimSpace(body) == "":
		return fault.Input(argument, "the note must not be blank")
	case utf8.RuneCountInString(body) > noteMax:
		return fault.Input(argument, "a note must not be longer than %d characters", noteMax)
	}
	return nil
}
