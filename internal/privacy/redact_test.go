package privacy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestRedactNote(t *testing.T) {
	t.Parallel()
	t.Run("keeps the note's place and removes its words", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		opened := w.Open(nil)
		w.Move(opened.ID, model.InProgress)
		note := w.Notes(opened.ID)[0]
		w.Later(time.Hour)
		out, err := privacy.New(w.DB, w.Work).RedactNote(t.Context(), w.Agent, privacy.RedactNoteInput{NoteID: note.ID, Reason: new(" A card number. ")})
		if err != nil {
			t.Fatal(err)
		}
		if out.Note.Body != "(redacted) A card number." || out.Note.RedactedAt == nil || !out.Note.RedactedAt.Equal(w.Now()) || out.Case.Version != 3 {
			t.Errorf("want a redacted note and case version 3, got %+v and %+v", out.Note, out.Case)
		}
		if found := w.TablesWith(note.Body); len(found) > 0 {
			t.Errorf("tables with the note's text: want none, got %v", found)
		}
		events := w.Events(opened.ID)
		if *events[0].NoteID != note.ID {
			t.Errorf("note of the first event: want %v, got %v", note.ID, *events[0].NoteID)
		}
		if last := events[2]; last.Type != model.EventDetailsChanged || strings.Join(last.Changed, ",") != "notes" || *last.ActorID != w.Agent.User.ID {
			t.Errorf("last event: want DETAILS_CHANGED of notes by %v, got %+v", w.Agent.User.ID, last)
		}
		w.CheckLog(opened.ID)

		before := w.Fingerprint()
		w.Later(time.Hour)
		again, err := privacy.New(w.DB, w.Work).RedactNote(t.Context(), w.Agent, privacy.RedactNoteInput{NoteID: note.ID, Reason: new("Another.")})
		if err != nil || again.Note.Body != out.Note.Body || !again.Note.RedactedAt.Equal(*out.Note.RedactedAt) || w.Fingerprint() != before {
			t.Errorf("second call: want %+v and no change, got %+v, %v", out.Note, again, err)
		}
	})

	t.Run("refuses bad input", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		opened := w.Open(nil)
		note := w.Notes(opened.ID)[0]
		_, err := privacy.New(w.DB, w.Work).RedactNote(t.Context(), w.Agent, privacy.RedactNoteInput{NoteID: model.NoteID{UUID: model.NewUUID()}})
		worktest.Refused(t, "an unknown note", err, fault.CodeNotFound, "input.noteId")
		_, err = privacy.New(w.DB, w.Work).RedactNote(t.Context(), w.Agent, privacy.RedactNoteInput{NoteID: note.ID, Reason: new(strings.Repeat("x", 501))})
		worktest.Refused(t, "a reason of 501 characters", err, fault.CodeBadUserInput, "input.reason")
		if w.Notes(opened.ID)[0].Body != note.Body {
			t.Error("a rejected call changed the note")
		}
	})

	t.Run("records one event when called several times at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		opened := w.Open(nil)
		note := w.Notes(opened.ID)[0]
		worktest.AtOnce(4, func(int) {
			if _, err := privacy.New(w.DB, w.Work).RedactNote(t.Context(), w.Agent, privacy.RedactNoteInput{NoteID: note.ID}); err != nil {
				t.Error(err)
			}
		})
		if n := len(w.Events(opened.ID)); n != 2 {
			t.Errorf("events: want 2, got %d", n)
		}
	})
}
