package read_test

import (
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

func TestNoteOfAnEvent(t *testing.T) {
	counter := new(pgtest.Counter)
	w := newWorld(t, pgtest.WithTracer(counter))
	opened := w.open(w.customer(nil), nil, nil)
	event := func(n *model.Note) *model.LoggedEvent {
		return &model.LoggedEvent{Event: model.Event{ID: model.EventID{UUID: model.NewUUID()}, CaseID: opened.ID, NoteID: &n.ID}}
	}
	note := func(e *model.LoggedEvent, v auth.Viewer) *model.Note {
		n, err := w.read.NoteOf(w.read.WithLoaders(auth.With(t.Context(), v)), e)
		w.must(err)
		return n
	}

	sent := fewestStatements(counter, func() { // a read counts as current for a second
		e := event(w.note(opened, w.ann, "Called.", moment))
		counter.Reset()
		for _, role := range []model.Role{model.Agent, model.Manager, model.Stakeholder, model.Agent} {
			if n := note(e, of(role)); n == nil || n.ID != *e.NoteID || n.Body != "Called." {
				t.Errorf("the note of the event is %+v for role %s", n, role)
			}
		}
	})
	if len(sent) != 1 {
		t.Errorf("the note is read %d times for four subscriptions:\n%s", len(sent), strings.Join(sent, "\n"))
	}

	e := event(w.note(opened, w.ann, "Secret.", moment))
	for _, u := range []model.User{{Role: model.Manager, PersonalDataHidden: true}, {Role: model.Agent, OwnCasesOnly: true}} {
		u.ID = model.UserID{UUID: model.NewUUID()}
		if note(e, everybody) == nil {
			t.Fatal("the event has no note")
		}
		hidden, err := auth.ViewerOf(&u)
		w.must(err)
		if n := note(e, hidden); n != nil {
			t.Errorf("%+v may see the note %+v", u, n)
		}
	}
	if n := note(&model.LoggedEvent{Event: model.Event{ID: model.EventID{UUID: model.NewUUID()}}}, everybody); n != nil {
		t.Errorf("an event without a note has %+v", n)
	}
	gone := event(&model.Note{ID: model.NoteID{UUID: model.NewUUID()}})
	if n := note(gone, everybody); n != nil {
		t.Errorf("a note that does not exist is %+v", n)
	}
	w.exec("ALTER TABLE notes RENAME TO moved")
	failing := event(&model.Note{ID: model.NoteID{UUID: model.NewUUID()}})
	if n, err := w.read.NoteOf(w.answer(), failing); err == nil {
		t.Errorf("a note that cannot be read is %+v", n)
	}
	w.exec("ALTER TABLE moved RENAME TO notes")
	w.create(&model.Note{ID: *failing.NoteID, CaseID: opened.ID, AuthorID: w.ann.ID, Body: "Back.", CreatedAt: moment})
	if n := note(failing, everybody); n == nil || n.Body != "Back." {
		t.Errorf("after a failure the note is %+v", n)
	}
}
