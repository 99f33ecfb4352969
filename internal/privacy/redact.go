package privacy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/text"
	"github.com/closeloop/closeloop/model"
)

// RedactNoteInput identifies the note to redact, and may give a reason.
type RedactNoteInput struct {
	NoteID model.NoteID
	Reason *string
}

// RedactNotePayload is the redacted note and its case.
type RedactNotePayload struct {
	Note *model.Note
	Case *model.Case
}

// RedactNote permanently removes a note's text. The note keeps its place in the case's history, and an event records the
// user. A note that is already redacted does not change.
func (p *Privacy) RedactNote(ctx context.Context, viewer auth.Viewer, in RedactNoteInput) (*RedactNotePayload, error) {
	body := model.Redacted
	var ofReason error
	if in.Reason != nil && strings.TrimSpace(*in.Reason) != "" {
		reason := strings.TrimSpace(*in.Reason)
		ofReason = text.Short("input.reason", reason)
		body += " " + reason
	}
	out := new(RedactNotePayload)
	err := p.work.Write(pg.WithoutTimeLimit(ctx), func(tx *gorm.DB, now time.Time) error {
		note := new(model.Note)
		err := tx.Where("id = ?", in.NoteID).Take(note).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return fault.Join(fault.NotFound("input.noteId", "there is no such note"), ofReason)
		}
		if err != nil {
			return fmt.Errorf("read a note: %w", err)
		}
		if ofReason != nil {
			return ofReason
		}
		locked, err := casework.LockCase(tx, note.CaseID, nil)
		if err != nil {
			return err
		}
		*out = RedactNotePayload{Note: note, Case: &locked.Case}
		// Another transaction may have redacted or erased the note before the case's row was locked; now none can.
		if err := tx.Where("id = ?", in.NoteID).Take(note).Error; err != nil || note.RedactedAt != nil {
			return err
		}
		note.Write(body)
		note.RedactedAt = &now
		err = tx.Model(&model.Note{}).Where("id = ?", note.ID).Select("Body", "BodyFold", "RedactedAt").Updates(note).Error
		if err != nil {
			return fmt.Errorf("redact a note: %w", err)
		}
		_, err = locked.Change(tx, now, event.Entry{Type: model.EventDetailsChanged, Actor: &viewer.User.ID, Changed: []string{event.NotesChanged}}, func() {})
		if err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditNoteRedacted, Object: note.ID})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
