package casework_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

func TestANoteIsKeptOnTheCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.open().ID
	w.later(time.Hour)
	out, err := w.work.AddNote(t.Context(), w.agent, casework.AddNoteInput{CaseID: id, Body: "They moved.\n  See the file. "})
	if err != nil {
		t.Fatal(err)
	}
	for where, n := range map[string]*model.Note{"answered": out.Note, "stored": read[model.Note](w, out.Note.ID)} {
		if n.Body != "They moved.\n  See the file. " || n.CaseID != id || n.AuthorID != w.agent.User.ID || !n.CreatedAt.Equal(w.now()) {
			t.Errorf("%s: %+v", where, n)
		}
	}
	e := w.events(id)[1]
	if e.Type != model.EventNoteAdded || *e.NoteID != out.Note.ID || *e.ActorID != w.agent.User.ID || e.Version != 2 || !e.At.Equal(w.now()) {
		t.Errorf("the event: %+v", e)
	}
	if c := read[model.Case](w, id); c.Version != 2 || out.Case.Version != 2 || !c.UpdatedAt.Equal(w.now()) || c.FirstFollowUpAt != nil || c.Status != model.Open {
		t.Errorf("a note follows nobody up: %+v", c)
	}
	w.logTells(id)
}

func TestANoteThatSaysNothingIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.open().ID
	for name, c := range map[string]struct {
		code     fault.Code
		argument string
		in       casework.AddNoteInput
	}{
		"empty":        {fault.CodeBadUserInput, "input.body", casework.AddNoteInput{CaseID: id}},
		"blank":        {fault.CodeBadUserInput, "input.body", casework.AddNoteInput{CaseID: id, Body: " \n\u2003"}},
		"too long":     {fault.CodeBadUserInput, "input.body", casework.AddNoteInput{CaseID: id, Body: strings.Repeat("a", 20_001)}},
		"on no case":   {fault.CodeNotFound, "input.caseId", casework.AddNoteInput{CaseID: model.CaseID{UUID: model.NewUUID()}, Body: "Hello."}},
		"blank, on no": {fault.CodeBadUserInput, "input.body", casework.AddNoteInput{CaseID: model.CaseID{UUID: model.NewUUID()}, Body: ""}},
	} {
		out, err := w.work.AddNote(t.Context(), w.agent, c.in)
		refused(t, name, err, c.code, c.argument)
		if out != nil {
			t.Errorf("%s: answered %+v", name, out)
		}
	}
	w.counts(map[string]int{"notes": 1, "case_events": 1})
}

func TestManyNotesAtOnceAreAllKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.open().ID
	const notes = 20
	atOnce(notes, func(i int) {
		if _, err := w.work.AddNote(t.Context(), w.agent, casework.AddNoteInput{CaseID: id, Body: fmt.Sprintf("Note %02d.", i)}); err != nil {
			t.Errorf("note %d: %v", i, err)
		}
	})
	var bodies []string
	if err := w.db.Gorm.Raw("SELECT n.body FROM notes n JOIN case_events e ON e.note_id = n.id WHERE e.type = 'NOTE_ADDED' AND n.case_id = ?", id).Scan(&bodies).Error; err != nil {
		t.Fatal(err)
	}
	slices.Sort(bodies)
	if bodies = slices.Compact(bodies); len(bodies) != notes {
		t.Errorf("%d notes are in the log: %v", len(bodies), bodies)
	}
	if c := read[model.Case](w, id); c.Version != notes+1 {
		t.Errorf("at version %d", c.Version)
	}
	w.logTells(id)
}
