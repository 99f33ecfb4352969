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

func TestACaseIsGivenToAUserAndTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bo, id := w.user("bo@care.example", model.Manager), w.open().ID
	w.later(time.Minute)
	given, err := w.work.AssignCase(t.Context(), w.agent, casework.AssignCaseInput{CaseID: id, AssigneeID: &bo.ID, Note: new("Knows them."), ExpectedVersion: new(1)})
	if err != nil {
		t.Fatal(err)
	}
	for where, c := range map[string]*model.Case{"answered": given.Case, "stored": read[model.Case](w, id)} {
		if *c.AssigneeID != bo.ID || !c.AssignedAt.Equal(w.now()) || *c.AssignedByID != w.agent.User.ID || c.Version != 2 || !c.UpdatedAt.Equal(w.now()) || c.Status != model.Open {
			t.Errorf("%s: %+v", where, c)
		}
	}
	events := w.events(id)
	e := events[1]
	if e.Type != model.EventAssigned || *e.ActorID != w.agent.User.ID || e.PreviousAssigneeID != nil || *e.AssigneeID != bo.ID || !e.At.Equal(w.now()) ||
		e.RuleID != nil || given.Event.ID != e.ID || given.Event.Version != 2 {
		t.Errorf("the event: %+v", e)
	}
	if note := read[model.Note](w, *e.NoteID); note.Body != "Knows them." || note.AuthorID != w.agent.User.ID || note.CaseID != id || !note.CreatedAt.Equal(w.now()) {
		t.Errorf("the note: %+v", note)
	}

	w.later(time.Minute)
	taken, err := w.work.AssignCase(t.Context(), w.agent, casework.AssignCaseInput{CaseID: id})
	if err != nil {
		t.Fatal(err)
	}
	if c := read[model.Case](w, id); c.AssigneeID != nil || c.AssignedAt != nil || c.AssignedByID != nil || c.Version != 3 {
		t.Errorf("taken back: %+v", c)
	}
	if e := w.events(id)[2]; *e.PreviousAssigneeID != bo.ID || e.AssigneeID != nil || e.NoteID != nil || taken.Event.ID != e.ID {
		t.Errorf("the event: %+v", e)
	}
	if kinds := w.kinds(); !slices.Equal(kinds, []string{"CASE_ASSIGNED bo@care.example"}) {
		t.Errorf("told %v", kinds)
	}
	w.logTells(id)
}

func TestAssigningACaseToWhomItIsDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bo, id := w.user("bo@care.example", model.Agent), w.open().ID
	assign := func(to *model.UserID) *casework.AssignCasePayload {
		t.Helper()
		w.later(time.Minute)
		out, err := w.work.AssignCase(t.Context(), w.agent, casework.AssignCaseInput{CaseID: id, AssigneeID: to})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := assign(nil); out.Event != nil || out.Case.Version != 1 {
		t.Errorf("nobody's to nobody: %+v", out)
	}
	first := assign(&bo.ID)
	if out := assign(&bo.ID); out.Event != nil || out.Case.Version != 2 || !out.Case.AssignedAt.Equal(*first.Case.AssignedAt) {
		t.Errorf("Bo's to Bo: %+v", out)
	}
	w.counts(map[string]int{"case_events": 2, "notifications": 1, "river_job": 1})
	if c := read[model.Case](w, id); c.Version != 2 || !c.UpdatedAt.Equal(*first.Case.AssignedAt) {
		t.Errorf("%+v", c)
	}
}

func TestAWrongAssignmentIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, bo := w.open().ID, w.user("bo@care.example", model.Agent)
	to := func(u *model.User) casework.AssignCaseInput {
		return casework.AssignCaseInput{CaseID: id, AssigneeID: &u.ID}
	}
	noted := func(note string) casework.AssignCaseInput {
		in := to(bo)
		in.Note = &note
		return in
	}
	expecting := func(version int) casework.AssignCaseInput {
		in := to(bo)
		in.ExpectedVersion = &version
		return in
	}
	for name, c := range map[string]struct {
		in       casework.AssignCaseInput
		code     fault.Code
		argument string
	}{
		"no such case":         {casework.AssignCaseInput{CaseID: model.CaseID{UUID: model.NewUUID()}, AssigneeID: &bo.ID}, fault.CodeNotFound, "input.caseId"},
		"no such case, nobody": {casework.AssignCaseInput{CaseID: model.CaseID{UUID: model.NewUUID()}}, fault.CodeNotFound, "input.caseId"},
		"no such user":         {casework.AssignCaseInput{CaseID: id, AssigneeID: &model.UserID{UUID: model.NewUUID()}}, fault.CodeNotFound, "input.assigneeId"},
		"an inactive agent":    {to(w.user("in@care.example", model.Agent, inactive)), fault.CodeBadUserInput, "input.assigneeId"},
		"an inactive admin":    {to(w.user("root@care.example", model.Admin, inactive)), fault.CodeBadUserInput, "input.assigneeId"},
		"a stakeholder":        {to(w.user("st@care.example", model.Stakeholder)), fault.CodeBadUserInput, "input.assigneeId"},
		"a partner":            {to(w.user("pa@care.example", model.Partner)), fault.CodeBadUserInput, "input.assigneeId"},
		"a program":            {to(w.user("in2@care.example", model.Intake)), fault.CodeBadUserInput, "input.assigneeId"},
		"an empty note":        {noted(""), fault.CodeBadUserInput, "input.note"},
		"a blank note":         {noted(" \n\u00a0"), fault.CodeBadUserInput, "input.note"},
		"a note too long":      {noted(strings.Repeat("ß", 20_001)), fault.CodeBadUserInput, "input.note"},
		"a version to come":    {expecting(2), fault.CodeConflict, "input.expectedVersion"},
		"a version that was":   {expecting(0), fault.CodeConflict, "input.expectedVersion"},
	} {
		out, err := w.work.AssignCase(t.Context(), w.agent, c.in)
		refused(t, name, err, c.code, c.argument)
		if out != nil {
			t.Errorf("%s: answered %+v", name, out)
		}
	}
	w.counts(map[string]int{"case_events": 1, "notes": 1, "notifications": 0, "river_job": 0})
	if c := read[model.Case](w, id); c.AssigneeID != nil || c.Version != 1 {
		t.Errorf("%+v", c)
	}
}

func TestOfManyWhoAssignTheSameVersionOneSucceeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.open().ID
	users := w.agents(10)
	won := make(chan *model.User, len(users))
	atOnce(len(users), func(i int) {
		_, err := w.work.AssignCase(t.Context(), w.agent, casework.AssignCaseInput{CaseID: id, AssigneeID: &users[i].ID, ExpectedVersion: new(1)})
		if err == nil {
			won <- users[i]
			return
		}
		refused(t, "the others", err, fault.CodeConflict, "input.expectedVersion")
	})
	if len(won) != 1 {
		t.Fatalf("%d succeeded", len(won))
	}
	if c := read[model.Case](w, id); *c.AssigneeID != (<-won).ID || c.Version != 2 {
		t.Errorf("%+v", c)
	}
	w.counts(map[string]int{"case_events": 2, "notifications": 1, "river_job": 1})
}

func TestManyAssignmentsAtOnceFollowOneAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.open().ID
	users := w.agents(10)
	atOnce(len(users), func(i int) {
		if _, err := w.work.AssignCase(t.Context(), w.agent, casework.AssignCaseInput{CaseID: id, AssigneeID: &users[i].ID}); err != nil {
			t.Errorf("assign %d: %v", i, err)
		}
	})
	events := w.events(id)
	if len(events) != len(users)+1 {
		t.Fatalf("%d events", len(events))
	}
	var last *model.UserID
	for _, e := range events[1:] {
		if !same(e.PreviousAssigneeID, last) {
			t.Errorf("event %d takes it from %v, not from %v", e.Version, e.PreviousAssigneeID, last)
		}
		last = e.AssigneeID
	}
	if c := read[model.Case](w, id); !same(c.AssigneeID, last) || c.Version != len(events) {
		t.Errorf("%+v", c)
	}
	w.logTells(id)
	w.counts(map[string]int{"notifications": len(users), "river_job": len(users)})
}

func TestManyWhoGiveACaseToTheSameUserGiveItOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, bo := w.open().ID, w.user("bo@care.example", model.Agent)
	given := make(chan int, 10)
	atOnce(cap(given), func(i int) {
		out, err := w.work.AssignCase(t.Context(), w.agent, casework.AssignCaseInput{CaseID: id, AssigneeID: &bo.ID})
		if err != nil {
			t.Errorf("assign %d: %v", i, err)
		} else if out.Event != nil {
			given <- out.Event.Version
		}
	})
	if len(given) != 1 {
		t.Errorf("%d gave it", len(given))
	}
	w.counts(map[string]int{"case_events": 2, "notifications": 1, "river_job": 1})
}

// agents are as many users who can be assigned.
func (w *world) agents(n int) (users []*model.User) {
	w.t.Helper()
	for i := range n {
		users = append(users, w.user(fmt.Sprintf("agent-%d@care.example", i), model.Agent))
	}
	return users
}

func TestANoteToWhoHasTheCaseAlreadyIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.user("ana@example.com", model.Agent)
	c := w.open()
	in := casework.AssignCaseInput{CaseID: c.ID, AssigneeID: &ana.ID}
	if _, err := w.work.AssignCase(t.Context(), w.agent, in); err != nil {
		t.Fatal(err)
	}
	in.Note = new("Still yours: they wrote again.")
	out, err := w.work.AssignCase(t.Context(), w.agent, in)
	if err != nil || out.Event != nil || out.Case.Version != 3 {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := w.work.AssignCases(t.Context(), w.agent, casework.AssignCasesInput{AssigneeID: &ana.ID, Note: in.Note, Cases: []*casework.CaseVersionInput{{ID: c.ID}}}); err != nil {
		t.Fatal(err)
	}
	events := w.events(c.ID)
	for _, e := range events[2:] {
		if e.Type != model.EventNoteAdded || read[model.Note](w, *e.NoteID).Body != *in.Note {
			t.Errorf("%+v", e)
		}
	}
	if len(events) != 4 || len(w.told("CASE_ASSIGNED")) != 1 {
		t.Errorf("%d events, told %v", len(events), w.told("CASE_ASSIGNED"))
	}
	in.Note = new(" ")
	_, err = w.work.AssignCase(t.Context(), w.agent, in)
	refused(t, "a blank note", err, fault.CodeBadUserInput, "input.note")
}
