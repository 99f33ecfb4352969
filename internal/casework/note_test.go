package casework_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestAddNote(t *testing.T) {
	t.Parallel()
	t.Run("keeps the note on the case", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.Open(nil).ID
		w.Later(time.Hour)
		out, err := w.Work.AddNote(t.Context(), w.Agent, casework.AddNoteInput{CaseID: id, Body: "They moved.\n  See the file. "})
		if err != nil {
			t.Fatal(err)
		}
		for where, n := range map[string]*model.Note{"payload": out.Note, "database": worktest.Read[model.Note](w.T, w.DB, out.Note.ID)} {
			if n.Body != "They moved.\n  See the file. " || n.CaseID != id || n.AuthorID != w.Agent.User.ID || !n.CreatedAt.Equal(w.Now()) {
				t.Errorf("the note in the %s is %+v", where, n)
			}
		}
		e := w.Events(id)[1]
		if e.Type != model.EventNoteAdded || *e.NoteID != out.Note.ID || *e.ActorID != w.Agent.User.ID || e.Version != 2 || !e.At.Equal(w.Now()) {
			t.Errorf("the event is %+v", e)
		}
		if c := worktest.Read[model.Case](w.T, w.DB, id); c.Version != 2 || out.Case.Version != 2 || !c.UpdatedAt.Equal(w.Now()) || c.FirstFollowUpAt != nil || c.Status != model.Open {
			t.Errorf("the case is %+v, want version 2 and no follow-up", c)
		}
		w.CheckLog(id)
	})

	t.Run("refuses bad input", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.Open(nil).ID
		for name, c := range map[string]struct {
			code     fault.Code
			argument string
			in       casework.AddNoteInput
		}{
			"empty":        {fault.CodeBadUserInput, "input.body", casework.AddNoteInput{CaseID: id}},
			"blank":        {fault.CodeBadUserInput, "input.body", casework.AddNoteInput{CaseID: id, Body: " \n\u2003"}},
			"too long":     {fault.CodeBadUserInput, "input.body", casework.AddNoteInput{CaseID: id, Body: strings.Repeat("a", 20_001)}},
			"unknown case": {fault.CodeNotFound, "input.caseId", casework.AddNoteInput{CaseID: model.CaseID{UUID: model.NewUUID()}, Body: "Hello."}},
		} {
			out, err := w.Work.AddNote(t.Context(), w.Agent, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: the payload is %+v, want none", name, out)
			}
		}
		w.Counts(map[string]int{"notes": 1, "case_events": 1})
	})

	t.Run("keeps all of many notes at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.Open(nil).ID
		const notes = 20
		worktest.AtOnce(notes, func(i int) {
			if _, err := w.Work.AddNote(t.Context(), w.Agent, casework.AddNoteInput{CaseID: id, Body: fmt.Sprintf("Note %02d.", i)}); err != nil {
				t.Errorf("note %d: %v", i, err)
			}
		})
		var bodies []string
		if err := w.DB.Gorm.Raw("SELECT n.body FROM notes n JOIN case_events e ON e.note_id = n.id WHERE e.type = 'NOTE_ADDED' AND n.case_id = ?", id).Scan(&bodies).Error; err != nil {
			t.Fatal(err)
		}
		slices.Sort(bodies)
		if bodies = slices.Compact(bodies); len(bodies) != notes {
			t.Errorf("the log has %d notes, want %d: %v", len(bodies), notes, bodies)
		}
		if c := worktest.Read[model.Case](w.T, w.DB, id); c.Version != notes+1 {
			t.Errorf("the case is at version %d, want %d", c.Version, notes+1)
		}
		w.CheckLog(id)
	})
}
