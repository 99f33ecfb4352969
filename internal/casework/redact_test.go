package casework_test

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/model"
)

func TestARedactedNoteKeepsItsPlaceAndLosesItsWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opened := w.open()
	w.move(opened.ID, model.InProgress)
	note := w.notes(opened.ID)[0]
	w.later(time.Hour)
	out, err := privacy.New(w.db, w.work).RedactNote(t.Context(), w.agent, privacy.RedactNoteInput{NoteID: note.ID, Reason: new(" A card number. ")})
	if err != nil {
		t.Fatal(err)
	}
	if out.Note.Body != "(redacted) A card number." || out.Note.RedactedAt == nil || !out.Note.RedactedAt.Equal(w.now()) || out.Case.Version != 3 {
		t.Errorf("%+v %+v", out.Note, out.Case)
	}
	if found := w.tablesWith(note.Body); len(found) > 0 {
		t.Errorf("its words are still in %v", found)
	}
	events := w.events(opened.ID)
	if *events[0].NoteID != note.ID {
		t.Error("the event has lost its note")
	}
	if last := events[2]; last.Type != model.EventDetailsChanged || strings.Join(last.Changed, ",") != "notes" || *last.ActorID != w.agent.User.ID {
		t.Errorf("the log says %+v", last)
	}
	w.logTells(opened.ID)

	before := w.everything()
	w.later(time.Hour)
	again, err := privacy.New(w.db, w.work).RedactNote(t.Context(), w.agent, privacy.RedactNoteInput{NoteID: note.ID, Reason: new("Another.")})
	if err != nil || again.Note.Body != out.Note.Body || !again.Note.RedactedAt.Equal(*out.Note.RedactedAt) || w.everything() != before {
		t.Errorf("redacting again: %+v, %v", again, err)
	}
}

func TestWhatCannotBeRedacted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opened := w.open()
	note := w.notes(opened.ID)[0]
	_, err := privacy.New(w.db, w.work).RedactNote(t.Context(), w.agent, privacy.RedactNoteInput{NoteID: model.NoteID{UUID: model.NewUUID()}})
	refused(t, "a note that is not there", err, fault.CodeNotFound, "input.noteId")
	_, err = privacy.New(w.db, w.work).RedactNote(t.Context(), w.agent, privacy.RedactNoteInput{NoteID: note.ID, Reason: new(strings.Repeat("x", 501))})
	refused(t, "a reason without end", err, fault.CodeBadUserInput, "input.reason")
	if w.notes(opened.ID)[0].Body != note.Body {
		t.Error("the note has changed")
	}
}

func TestRedactingANoteTwiceAtOnceIsOneEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opened := w.open()
	note := w.notes(opened.ID)[0]
	atOnce(4, func(int) {
		if _, err := privacy.New(w.db, w.work).RedactNote(t.Context(), w.agent, privacy.RedactNoteInput{NoteID: note.ID}); err != nil {
			t.Error(err)
		}
	})
	if n := len(w.events(opened.ID)); n != 2 {
		t.Errorf("%d events, not 2", n)
	}
}
