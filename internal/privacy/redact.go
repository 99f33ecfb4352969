package privacy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/text"
	"github.com/closeloop/closeloop/model"
)

// RedactNoteInput names a note, and may give the reason.
type RedactNoteInput struct {
	NoteID model.NoteID
	Reason *string
}

// RedactNotePayload is the note without its words, and its case.
type RedactNotePayload struct {
	Note *model.Note
	Case *model.Case
}

// RedactNote removes a note's words for good. The note stays where it is in the case's history, and the log says who
// redacted. A note that is redacted already stays as it is.
func (p *Privacy) RedactNote(ctx context.Context, viewer auth.Viewer, in RedactNoteInput) (*RedactNotePayload, error) {
	body := model.Redacted
	if in.Reason != nil && strings.TrimSpace(*in.Reason) != "" {
		reason := strings.TrimSpace(*in.Reason)
		if err := text.Short("input.reason", reason); err != nil {
			return nil, err
		}
		body += " " + reason
	}
	out := new(RedactNotePayload)
	err := p.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		note := new(model.Note)
		err := tx.Where("id = ?", in.NoteID).Take(note).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return fault.NotFound("input.noteId", "there is no such note")
		}
		if err != nil {
			return fmt.Errorf("read a note: %w", err)
		}
		h, err := casework.LockCase(tx, note.CaseID, nil)
		if err != nil {
			return err
		}
		*out = RedactNotePayload{Note: note, Case: &h.Case}
		// The case's row is locked: nobody redacts or erases meanwhile, but somebody may have.
		if err := tx.Where("id = ?", in.NoteID).Take(note).Error; err != nil || note.RedactedAt != nil {
			return err
		}
		note.Body, note.RedactedAt = body, &now
		err = tx.Model(&model.Note{}).Where("id = ?", note.ID).Select("Body", "RedactedAt").Updates(note).Error
		if err != nil {
			return fmt.Errorf("redact a note: %w", err)
		}
		_, err = h.Change(tx, now, event.Entry{Type: model.EventDetailsChanged, Actor: &viewer.User.ID, Changed: []string{"notes"}}, func() {})
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
