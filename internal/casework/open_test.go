package casework_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestOpenCase(t *testing.T) {
	t.Parallel()
	t.Run("opens a case on a response", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		in := worktest.From("c-1", 8)
		in.ContactRequested, in.Customer.Country, in.Customer.Segment = new(true), worktest.Given("BR"), worktest.Given("Gold")
		response := w.Submit(in).Response
		w.Later(time.Hour)
		out, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: " They called. "})
		if err != nil {
			t.Fatal(err)
		}
		for where, c := range map[string]*model.Case{"payload": out.Case, "database": worktest.Read[model.Case](w.T, w.DB, out.Case.ID)} {
			if c.Status != model.Open || c.Origin != model.OriginManual || c.CustomerID != response.CustomerID || *c.ResponseID != response.ID ||
				*c.OpenedByID != w.Agent.User.ID || !c.OpenedAt.Equal(w.Now()) || c.DueAt != nil || c.AssigneeID != nil || c.Version != 1 || c.Number < 1 ||
				*c.Score != 8 || *c.Category != model.Passive || !c.RespondedAt.Equal(worktest.Start) || !*c.ContactRequested || *c.Country != "BR" || *c.SegmentFold != "gold" {
				t.Errorf("the case in the %s is %+v", where, c)
			}
		}
		e := w.Events(out.Case.ID)[0]
		if e.Type != model.EventOpened || *e.ActorID != w.Agent.User.ID || e.RuleID != nil || e.ID != out.Event.ID || !e.At.Equal(w.Now()) {
			t.Errorf("the event is %+v", e)
		}
		if note := worktest.Read[model.Note](w.T, w.DB, *e.NoteID); note.Body != " They called. " || note.CaseID != out.Case.ID || note.AuthorID != w.Agent.User.ID {
			t.Errorf("the note is %+v", note)
		}
		w.CheckLog(out.Case.ID)
		w.Counts(map[string]int{"case_rules": 0, "notifications": 0})
	})

	t.Run("opens a case for a customer without a response", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		in := worktest.From("c-1", 8)
		in.Customer.Country = worktest.Given("BR")
		customer := w.Submit(in).Response.CustomerID
		for range 2 { // a customer may have several cases without a response
			out, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &customer}, Note: "They called."})
			if err != nil {
				t.Fatal(err)
			}
			if c := worktest.Read[model.Case](w.T, w.DB, out.Case.ID); c.CustomerID != customer || c.ResponseID != nil || c.Score != nil || c.Category != nil || c.RespondedAt != nil ||
				c.ContactRequested != nil || *c.Country != "BR" {
				t.Errorf("the case is %+v", c)
			}
			w.CheckLog(out.Case.ID)
		}
		w.Counts(map[string]int{"cases": 2})
	})

	t.Run("takes a due time or measures the target from now", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		customer := w.Submit(worktest.From("c-1", 8)).Response.CustomerID
		w.Later(time.Hour)
		due, target := worktest.Start.Add(-time.Hour), model.Duration(48*time.Hour)
		for name, c := range map[string]struct {
			due    *time.Time
			target *model.Duration
			want   *time.Time
		}{
			"a time": {&due, nil, &due}, "a target": {nil, &target, new(w.Now().Add(48 * time.Hour))}, "both": {&due, &target, &due}, "none": {nil, nil, nil},
		} {
			out, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &customer}, Note: "They called.", DueAt: c.due, FollowUpTarget: c.target})
			if err != nil {
				t.Fatal(err)
			}
			if row := worktest.Read[model.Case](w.T, w.DB, out.Case.ID); (row.DueAt == nil) != (c.want == nil) || row.DueAt != nil && !row.DueAt.Equal(*c.want) {
				t.Errorf("with %s the case is due at %v, want %v", name, row.DueAt, c.want)
			}
		}
	})

	t.Run("opens and then assigns a case with an assignee", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bo := w.User("bo@care.example", model.Agent)
		response := w.Submit(worktest.From("c-1", 8)).Response
		out, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: "They called.", AssigneeID: &bo.ID})
		if err != nil {
			t.Fatal(err)
		}
		if out.Event.Version != 1 || out.Event.Type != model.EventOpened || out.Case.Version != 2 || !worktest.Same(out.Case.AssigneeID, &bo.ID) || *out.Case.AssignedByID != w.Agent.User.ID {
			t.Errorf("the event is %+v, the case %+v", out.Event.Event, out.Case)
		}
		events := w.Events(out.Case.ID)
		if len(events) != 2 || events[1].Type != model.EventAssigned || *events[1].ActorID != w.Agent.User.ID || events[1].NoteID != nil || *events[1].AssigneeID != bo.ID {
			t.Errorf("the events are %+v", events)
		}
		if kinds := w.Mails(); !slices.Equal(kinds, []string{"CASE_ASSIGNED bo@care.example"}) {
			t.Errorf("the mails are %v", kinds)
		}
		w.CheckLog(out.Case.ID)
	})

	t.Run("refuses bad input", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		response := w.Submit(worktest.From("c-1", 8)).Response
		on := func(change func(*casework.OpenCaseInput)) casework.OpenCaseInput {
			in := casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: "They called."}
			change(&in)
			return in
		}
		for name, c := range map[string]struct {
			code     fault.Code
			argument string
			in       casework.OpenCaseInput
		}{
			"neither a customer nor a response": {fault.CodeBadUserInput, "input.subject", on(func(in *casework.OpenCaseInput) { in.Subject.ResponseID = nil })},
			"both a customer and a response":    {fault.CodeBadUserInput, "input.subject", on(func(in *casework.OpenCaseInput) { in.Subject.CustomerID = &response.CustomerID })},
			"no such response":                  {fault.CodeNotFound, "input.subject.responseId", on(func(in *casework.OpenCaseInput) { in.Subject.ResponseID = &model.ResponseID{UUID: model.NewUUID()} })},
			"no such customer": {fault.CodeNotFound, "input.subject.customerId", on(func(in *casework.OpenCaseInput) {
				in.Subject.ResponseID, in.Subject.CustomerID = nil, &model.CustomerID{UUID: model.NewUUID()}
			})},
			"no note":                 {fault.CodeBadUserInput, "input.note", on(func(in *casework.OpenCaseInput) { in.Note = "" })},
			"a blank note":            {fault.CodeBadUserInput, "input.note", on(func(in *casework.OpenCaseInput) { in.Note = "\t \u2003" })},
			"a note that is too long": {fault.CodeBadUserInput, "input.note", on(func(in *casework.OpenCaseInput) { in.Note = strings.Repeat("a", 20_001) })},
			"a target of zero":        {fault.CodeBadUserInput, "input.followUpTarget", on(func(in *casework.OpenCaseInput) { in.FollowUpTarget = new(model.Duration(0)) })},
			"no such user":            {fault.CodeNotFound, "input.assigneeId", on(func(in *casework.OpenCaseInput) { in.AssigneeID = &model.UserID{UUID: model.NewUUID()} })},
			"an inactive user": {fault.CodeBadUserInput, "input.assigneeId", on(func(in *casework.OpenCaseInput) {
				in.AssigneeID = &w.User("in@care.example", model.Agent, worktest.Inactive).ID
			})},
			"a stakeholder": {fault.CodeBadUserInput, "input.assigneeId", on(func(in *casework.OpenCaseInput) { in.AssigneeID = &w.User("st@care.example", model.Stakeholder).ID })},
		} {
			out, err := w.Work.OpenCase(t.Context(), w.Agent, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: the payload is %+v, want none", name, out)
			}
		}
		w.Counts(map[string]int{"cases": 0, "case_events": 0, "notes": 0, "notifications": 0})
	})

	t.Run("refuses a second case for a response and names the first", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("detractors", func(r *model.Rule) { r.Scores = []int{3} })
		out := w.Submit(worktest.From("c-1", 3))
		_, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &out.Response.ID}, Note: "They called."})
		worktest.Refused(t, "a second case", err, fault.CodeConflict, "input.subject.responseId")
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("case %d ", out.Case.Number)) {
			t.Errorf("the error does not name case %d: %v", out.Case.Number, err)
		}
		w.Counts(map[string]int{"cases": 1, "notes": 0, "case_events": 1})
	})

	// There are more callers than connections. A caller that kept one connection while it waited for a second would hang.
	t.Run("lets one of many callers for one response succeed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		response := w.Submit(worktest.From("c-1", 8)).Response
		opened := make(chan int, 60)
		messages := make(chan string, cap(opened))
		worktest.AtOnce(cap(opened), func(int) {
			out, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: "They called."})
			if err == nil {
				opened <- out.Case.Number
				return
			}
			worktest.Refused(t, "a later call", err, fault.CodeConflict, "input.subject.responseId")
			messages <- err.Error()
		})
		if len(opened) != 1 || len(messages) != cap(opened)-1 {
			t.Fatalf("%d calls opened a case, want 1; %d calls were refused, want %d", len(opened), len(messages), cap(opened)-1)
		}
		number := <-opened
		close(messages)
		for m := range messages {
			if !strings.Contains(m, fmt.Sprintf("case %d ", number)) {
				t.Errorf("the error does not name case %d: %s", number, m)
			}
		}
		w.Counts(map[string]int{"cases": 1, "case_events": 1, "notes": 1})
	})

	// A case that is opened while its customer changes must have the new data, from its opening or by an event.
	t.Run("misses no change of the customer made meanwhile", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for round := range 10 {
			w.Later(time.Minute)
			response := w.Submit(worktest.From("c-1", 8)).Response
			worktest.AtOnce(3, func(i int) {
				var err error
				if i == 0 {
					_, err = w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: "They called."})
				} else {
					in := worktest.From("c-1", 9)
					in.Customer.Country, in.Customer.Company = worktest.Given([]string{"BR", "DE"}[i-1]), worktest.Given(fmt.Sprint(round))
					_, err = intake.New(w.Work).Submit(t.Context(), w.Agent, in)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		w.Counts(map[string]int{"cases": 10, "customers": 1})
		w.CheckCopies()
	})
}
