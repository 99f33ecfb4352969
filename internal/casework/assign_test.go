package casework_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestAssignCase(t *testing.T) {
	t.Parallel()
	t.Run("assigns a case to a user and unassigns it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bo, id := w.User("bo@care.example", model.Manager), w.Open(nil).ID
		w.Later(time.Minute)
		assigned, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: id, AssigneeID: &bo.ID, Note: new("Knows them."), ExpectedVersion: new(1)})
		if err != nil {
			t.Fatal(err)
		}
		for where, c := range map[string]*model.Case{"payload": assigned.Case, "database": worktest.Read[model.Case](w.T, w.DB, id)} {
			if *c.AssigneeID != bo.ID || !c.AssignedAt.Equal(w.Now()) || *c.AssignedByID != w.Agent.User.ID || c.Version != 2 || !c.UpdatedAt.Equal(w.Now()) || c.Status != model.Open {
				t.Errorf("the case in the %s is %+v", where, c)
			}
		}
		events := w.Events(id)
		e := events[1]
		if e.Type != model.EventAssigned || *e.ActorID != w.Agent.User.ID || e.PreviousAssigneeID != nil || *e.AssigneeID != bo.ID || !e.At.Equal(w.Now()) ||
			e.RuleID != nil || assigned.Event.ID != e.ID || assigned.Event.Version != 2 {
			t.Errorf("the event is %+v", e)
		}
		if note := worktest.Read[model.Note](w.T, w.DB, *e.NoteID); note.Body != "Knows them." || note.AuthorID != w.Agent.User.ID || note.CaseID != id || !note.CreatedAt.Equal(w.Now()) {
			t.Errorf("the note is %+v", note)
		}

		w.Later(time.Minute)
		unassigned, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: id})
		if err != nil {
			t.Fatal(err)
		}
		if c := worktest.Read[model.Case](w.T, w.DB, id); c.AssigneeID != nil || c.AssignedAt != nil || c.AssignedByID != nil || c.Version != 3 {
			t.Errorf("the unassigned case is %+v", c)
		}
		if e := w.Events(id)[2]; *e.PreviousAssigneeID != bo.ID || e.AssigneeID != nil || e.NoteID != nil || unassigned.Event.ID != e.ID {
			t.Errorf("the event is %+v", e)
		}
		if kinds := w.Mails(); !slices.Equal(kinds, []string{"CASE_ASSIGNED bo@care.example"}) {
			t.Errorf("the mails are %v", kinds)
		}
		w.CheckLog(id)
	})

	t.Run("does nothing when the assignee stays the same", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bo, id := w.User("bo@care.example", model.Agent), w.Open(nil).ID
		assign := func(to *model.UserID) *casework.AssignCasePayload {
			t.Helper()
			w.Later(time.Minute)
			out, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: id, AssigneeID: to})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if out := assign(nil); out.Event != nil || out.Case.Version != 1 {
			t.Errorf("unassigning an unassigned case returns %+v, want no event", out)
		}
		first := assign(&bo.ID)
		if out := assign(&bo.ID); out.Event != nil || out.Case.Version != 2 || !out.Case.AssignedAt.Equal(*first.Case.AssignedAt) {
			t.Errorf("assigning the case to its assignee again returns %+v, want no event", out)
		}
		w.Counts(map[string]int{"case_events": 2, "notifications": 1, "river_job": 1})
		if c := worktest.Read[model.Case](w.T, w.DB, id); c.Version != 2 || !c.UpdatedAt.Equal(*first.Case.AssignedAt) {
			t.Errorf("the case is %+v", c)
		}
	})

	t.Run("refuses bad input and changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, bo := w.Open(nil).ID, w.User("bo@care.example", model.Agent)
		to := func(u *model.User) casework.AssignCaseInput {
			return casework.AssignCaseInput{CaseID: id, AssigneeID: &u.ID}
		}
		withNote := func(note string) casework.AssignCaseInput {
			in := to(bo)
			in.Note = &note
			return in
		}
		withVersion := func(version int) casework.AssignCaseInput {
			in := to(bo)
			in.ExpectedVersion = &version
			return in
		}
		for name, c := range map[string]struct {
			in       casework.AssignCaseInput
			code     fault.Code
			argument string
		}{
			"unknown case, with an assignee":    {casework.AssignCaseInput{CaseID: model.CaseID{UUID: model.NewUUID()}, AssigneeID: &bo.ID}, fault.CodeNotFound, "input.caseId"},
			"unknown case, without an assignee": {casework.AssignCaseInput{CaseID: model.CaseID{UUID: model.NewUUID()}}, fault.CodeNotFound, "input.caseId"},
			"unknown user":                      {casework.AssignCaseInput{CaseID: id, AssigneeID: &model.UserID{UUID: model.NewUUID()}}, fault.CodeNotFound, "input.assigneeId"},
			"an inactive agent":                 {to(w.User("in@care.example", model.Agent, worktest.Inactive)), fault.CodeBadUserInput, "input.assigneeId"},
			"an inactive admin":                 {to(w.User("root@care.example", model.Admin, worktest.Inactive)), fault.CodeBadUserInput, "input.assigneeId"},
			"a stakeholder":                     {to(w.User("st@care.example", model.Stakeholder)), fault.CodeBadUserInput, "input.assigneeId"},
			"a partner":                         {to(w.User("pa@care.example", model.Partner)), fault.CodeBadUserInput, "input.assigneeId"},
			"an intake user":                    {to(w.User("in2@care.example", model.Intake)), fault.CodeBadUserInput, "input.assigneeId"},
			"an empty note":                     {withNote(""), fault.CodeBadUserInput, "input.note"},
			"a blank note":                      {withNote(" \n\u00a0"), fault.CodeBadUserInput, "input.note"},
			"a note that is too long":           {withNote(strings.Repeat("ß", 20_001)), fault.CodeBadUserInput, "input.note"},
			"a later version":                   {withVersion(2), fault.CodeConflict, "input.expectedVersion"},
			"an earlier version":                {withVersion(0), fault.CodeConflict, "input.expectedVersion"},
		} {
			out, err := w.Work.AssignCase(t.Context(), w.Agent, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: the payload is %+v, want none", name, out)
			}
		}
		w.Counts(map[string]int{"case_events": 1, "notes": 1, "notifications": 0, "river_job": 0})
		if c := worktest.Read[model.Case](w.T, w.DB, id); c.AssigneeID != nil || c.Version != 1 {
			t.Errorf("the case is %+v", c)
		}
	})

	t.Run("lets one of many callers with the same expected version succeed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.Open(nil).ID
		users := w.Agents(10)
		winners := make(chan *model.User, len(users))
		worktest.AtOnce(len(users), func(i int) {
			_, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: id, AssigneeID: &users[i].ID, ExpectedVersion: new(1)})
			if err == nil {
				winners <- users[i]
				return
			}
			worktest.Refused(t, "a later call", err, fault.CodeConflict, "input.expectedVersion")
		})
		if len(winners) != 1 {
			t.Fatalf("%d calls succeeded, want 1", len(winners))
		}
		if c := worktest.Read[model.Case](w.T, w.DB, id); *c.AssigneeID != (<-winners).ID || c.Version != 2 {
			t.Errorf("the case is %+v", c)
		}
		w.Counts(map[string]int{"case_events": 2, "notifications": 1, "river_job": 1})
	})

	t.Run("puts many assignments at once in one order", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.Open(nil).ID
		users := w.Agents(10)
		worktest.AtOnce(len(users), func(i int) {
			if _, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: id, AssigneeID: &users[i].ID}); err != nil {
				t.Errorf("assign %d: %v", i, err)
			}
		})
		events := w.Events(id)
		if len(events) != len(users)+1 {
			t.Fatalf("the case has %d events, want %d", len(events), len(users)+1)
		}
		var last *model.UserID
		for _, e := range events[1:] {
			if !worktest.Same(e.PreviousAssigneeID, last) {
				t.Errorf("the previous assignee of event %d is %v, want %v", e.Version, e.PreviousAssigneeID, last)
			}
			last = e.AssigneeID
		}
		if c := worktest.Read[model.Case](w.T, w.DB, id); !worktest.Same(c.AssigneeID, last) || c.Version != len(events) {
			t.Errorf("the case is %+v", c)
		}
		w.CheckLog(id)
		w.Counts(map[string]int{"notifications": len(users), "river_job": len(users)})
	})

	t.Run("records one event when many assign the same user", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, bo := w.Open(nil).ID, w.User("bo@care.example", model.Agent)
		versions := make(chan int, 10)
		worktest.AtOnce(cap(versions), func(i int) {
			out, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: id, AssigneeID: &bo.ID})
			if err != nil {
				t.Errorf("assign %d: %v", i, err)
			} else if out.Event != nil {
				versions <- out.Event.Version
			}
		})
		if len(versions) != 1 {
			t.Errorf("%d calls recorded an event, want 1", len(versions))
		}
		w.Counts(map[string]int{"case_events": 2, "notifications": 1, "river_job": 1})
	})

	t.Run("keeps the note when the assignee stays the same", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana := w.User("ana@example.com", model.Agent)
		c := w.Open(nil)
		in := casework.AssignCaseInput{CaseID: c.ID, AssigneeID: &ana.ID}
		if _, err := w.Work.AssignCase(t.Context(), w.Agent, in); err != nil {
			t.Fatal(err)
		}
		in.Note = new("Still yours: they wrote again.")
		out, err := w.Work.AssignCase(t.Context(), w.Agent, in)
		if err != nil || out.Event != nil || out.Case.Version != 3 {
			t.Fatalf("the payload is %+v, the error %v", out, err)
		}
		if _, err := w.Work.AssignCases(t.Context(), w.Agent, casework.AssignCasesInput{AssigneeID: &ana.ID, Note: in.Note, Cases: []*casework.CaseVersionInput{{CaseID: c.ID}}}); err != nil {
			t.Fatal(err)
		}
		events := w.Events(c.ID)
		for _, e := range events[2:] {
			if e.Type != model.EventNoteAdded || worktest.Read[model.Note](w.T, w.DB, *e.NoteID).Body != *in.Note {
				t.Errorf("the event is %+v", e)
			}
		}
		if len(events) != 4 || len(w.MailsOf("CASE_ASSIGNED")) != 1 {
			t.Errorf("got %d events, want 4; got assignment mails to %v, want 1", len(events), w.MailsOf("CASE_ASSIGNED"))
		}
		in.Note = new(" ")
		_, err = w.Work.AssignCase(t.Context(), w.Agent, in)
		worktest.Refused(t, "a blank note", err, fault.CodeBadUserInput, "input.note")
	})

	t.Run("queues no mail when the transaction fails", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, bo := w.Open(nil).ID, w.User("bo@care.example", model.Agent)
		w.Must(`CREATE FUNCTION fail_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'insert refused'; END $$;
		CREATE CONSTRAINT TRIGGER fail_insert AFTER INSERT ON notifications DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_insert()`)
		w.Later(time.Hour)
		if out, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: id, AssigneeID: &bo.ID, Note: new("Knows them.")}); err == nil || out != nil {
			t.Errorf("got %+v and the error %v, want no payload and an error", out, err)
		}
		w.Counts(map[string]int{"case_events": 1, "notes": 1, "notifications": 0, "river_job": 0})
		if c := worktest.Read[model.Case](w.T, w.DB, id); c.AssigneeID != nil || c.Version != 1 || !c.UpdatedAt.Equal(worktest.Start) {
			t.Errorf("the case is %+v", c)
		}
		w.CheckLog(id)
	})
}
