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
		note, logged, err := c.addNote(tx, now, viewer.User, "input.body", in.Body)
		if err != nil {
			return eventID, err
		}
		*out = AddNotePayload{Note: note, Case: &c.Case}
		return logged.ID, nil
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

// addNote adds a note to a locked case, with an event of its own.
func (c *LockedCase) addNote(tx *gorm.DB, now time.Time, by *model.User, argument, body string) (*model.Note, *model.LoggedEvent, error) {
	note, err := WriteNote(tx, now, c.ID, by, argument, body)
	if err != nil {
		return nil, nil, err
	}
	logged, err := c.Change(tx, now, event.Entry{Type: model.EventNoteAdded, Actor: &by.ID, Note: &note.ID}, func() {})
	return note, logged, err
}

// WriteNote inserts a note of the case, after it has checked the text with CheckNote. The transaction sends it later
// (pg.Later).
func WriteNote(tx *gorm.DB, now time.Time, on model.CaseID, by *model.User, argument, body string) (*model.Note, error) {
	if err := CheckNote(argument, body); err != nil {
		return nil, err
	}
	note := newNote(now, on, by, body)
	return note, pg.Later(tx, func(p *pg.Pipeline) { pg.AddInsert(p, "write a note", []*model.Note{note}) })
}

func newNote(now time.Time, on model.CaseID, by *model.User, body string) *model.Note {
	return &model.Note{ID: model.NoteID{UUID: model.NewUUID()}, CaseID: on, AuthorID: by.ID, Body: body, CreatedAt: now}
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
