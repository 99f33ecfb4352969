package casework_test

import (
	"slices"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestRecordOutreach(t *testing.T) {
	t.Parallel()
	t.Run("keeps an unanswered call in the history but does not count it as contact", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := w.Open(nil)
		out := w.Outreach(c.ID, worktest.Phone(model.NoAnswer))
		if out.Case.FirstFollowUpAt != nil || out.Case.FirstContactAt != nil || *out.Event.Outcome != model.NoAnswer || out.Event.NoteID == nil {
			t.Errorf("the case is %+v", out.Case)
		}
		if r := worktest.Read[model.Response](w.T, w.DB, *c.ResponseID); r.ContactStatus != model.NotContacted {
			t.Errorf("the contact status of the response is %s", r.ContactStatus)
		}
		if p := worktest.Read[model.Customer](w.T, w.DB, c.CustomerID); p.LastContactedAt != nil {
			t.Error("the customer counts as contacted")
		}
	})

	t.Run("keeps the first follow-up and contact through reopening", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := w.Open(nil)
		w.Later(time.Hour)
		first := w.Now()
		nextSurvey := first.Add(30 * 24 * time.Hour)
		out := w.Outreach(c.ID, &casework.OutreachInput{Channel: "EMAIL", Offer: new(model.OutreachOffer("VOUCHER")), Outcome: model.MessageSent, NextSurveyAt: &nextSurvey})
		if !out.Case.FirstFollowUpAt.Equal(first) || !out.Case.FirstContactAt.Equal(first) || out.Case.Response.ContactStatus != model.Contacted ||
			!out.Case.Customer.LastContactedAt.Equal(first) || !out.Case.Customer.NextSurveyAt.Equal(nextSurvey) || out.Case.Status != model.Open {
			t.Errorf("the case is %+v", out.Case)
		}
		w.Later(time.Hour)
		w.Outreach(c.ID, worktest.Phone(model.Reached))
		w.Move(c.ID, model.Closed)
		w.Move(c.ID, model.Open)
		stored := worktest.Read[model.Case](w.T, w.DB, c.ID)
		if !stored.FirstFollowUpAt.Equal(first) || !stored.FirstContactAt.Equal(first) || stored.ReopenCount != 1 {
			t.Errorf("the case is %+v", stored)
		}
		if p := worktest.Read[model.Customer](w.T, w.DB, c.CustomerID); !p.LastContactedAt.Equal(first.Add(time.Hour)) || !p.NextSurveyAt.Equal(nextSurvey) {
			t.Errorf("the customer is %+v", p)
		}
	})

	t.Run("records the contact on the customer's other cases", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := w.Open(nil)
		other, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &c.CustomerID}, Note: "Another."})
		if err != nil {
			t.Fatal(err)
		}
		w.Outreach(c.ID, worktest.Phone(model.Reached))
		events := w.Events(other.Case.ID)
		last := events[len(events)-1]
		if last.Type != model.EventDetailsChanged || !slices.Equal(last.Changed, []string{"customer.lastContactedAt"}) || *last.ActorID != w.Agent.User.ID {
			t.Errorf("the event is %+v", last)
		}
		if own := w.Events(c.ID); own[len(own)-1].Type != model.EventOutreachRecorded {
			t.Errorf("the last event of the contacted case is %s, want OUTREACH_RECORDED", own[len(own)-1].Type)
		}
	})
}

func TestUpdateCaseStatusWithOutreach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Open(nil)
	in := casework.UpdateCaseStatusInput{CaseID: c.ID, Status: model.InProgress, Note: "Called; they wait for a refund.", Outreach: worktest.Phone(model.Reached), ExpectedVersion: &c.Version}
	out, err := w.Work.UpdateCaseStatus(t.Context(), w.Agent, in)
	if err != nil {
		t.Fatal(err)
	}
	events := w.Events(c.ID)
	if n := len(events); events[n-2].Type != model.EventOutreachRecorded || events[n-1].Type != model.EventStatusChanged || *events[n-2].NoteID != *events[n-1].NoteID || out.Case.Version != n {
		t.Errorf("the events are %+v", events[n-2:])
	}
	if _, err := w.Work.UpdateCaseStatus(t.Context(), w.Agent, in); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("the repeated call returns %v, want a conflict", err)
	}
	if n := w.Count("SELECT count(*) FROM case_events WHERE type = 'OUTREACH_RECORDED'"); n != 1 {
		t.Errorf("got %d outreach events, want 1", n)
	}
}

func TestRecordReplyOutlastsLaterCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Open(nil)
	out, err := w.Work.RecordReply(t.Context(), w.Agent, casework.RecordReplyInput{CaseID: c.ID, Improvement: new("Answer the phone.")})
	if err != nil || *out.Event.Improvement != "Answer the phone." || out.Event.NoteID != nil {
		t.Fatalf("the payload is %+v, the error %v", out, err)
	}
	w.Outreach(c.ID, worktest.Phone(model.Reached))
	if r := worktest.Read[model.Response](w.T, w.DB, *c.ResponseID); r.ContactStatus != model.Replied {
		t.Errorf("the contact status of the response is %s", r.ContactStatus)
	}
	_, err = w.Work.RecordReply(t.Context(), w.Agent, casework.RecordReplyInput{CaseID: c.ID, Improvement: new(" ")})
	worktest.Refused(t, "a blank improvement", err, fault.CodeBadUserInput, "input.improvement")
}

func TestSetRootCauseReplacesEarlierWhys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Open(nil)
	for _, whys := range [][]string{{"Late."}, {" Late. ", "No crew.", "Bad plan.", "Old tool.", "No owner."}} {
		out, err := w.Work.SetRootCause(t.Context(), w.Agent, casework.SetRootCauseInput{CaseID: c.ID, Whys: whys})
		if err != nil || len(out.Event.Whys) != len(whys) {
			t.Fatalf("the payload is %+v, the error %v", out, err)
		}
	}
	if got := worktest.Read[model.Case](w.T, w.DB, c.ID).RootCause; len(got) != 5 || got[0] != "Late." || got[4] != "No owner." {
		t.Errorf("the root cause is %q", got)
	}
	for argument, whys := range map[string][]string{"input.whys": {}, "input.whys[1]": {"a", " "}} {
		_, err := w.Work.SetRootCause(t.Context(), w.Agent, casework.SetRootCauseInput{CaseID: c.ID, Whys: whys})
		worktest.Refused(t, argument, err, fault.CodeBadUserInput, argument)
	}
	_, err := w.Work.SetRootCause(t.Context(), w.Agent, casework.SetRootCauseInput{CaseID: c.ID, Whys: make([]string, 6)})
	worktest.Refused(t, "six whys", err, fault.CodeBadUserInput, "input.whys")
	if err := w.Exec("UPDATE cases SET root_cause = '[1,2,3,4,5,6]' WHERE id = $1", c.ID.UUID); err == nil {
		t.Error("the database accepted six whys")
	}
}

func TestLinkCaseReplacesTheLinkOfItsSystemOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Open(nil)
	link := func(system, id string, url *string) *model.Case {
		t.Helper()
		out, err := w.Work.LinkCase(t.Context(), w.Agent, casework.LinkCaseInput{CaseID: c.ID, System: system, ExternalID: id, URL: url})
		if err != nil {
			t.Fatal(err)
		}
		return out.Case
	}
	link("crm", "A-1", nil)
	link("zendesk", "77", new("https://zendesk.example/77"))
	before := link("crm", "A-2", nil).Version
	if after := link("crm", "A-2", nil).Version; after != before {
		t.Error("repeating the same link recorded an event")
	}
	if n := w.Count("SELECT count(*) FROM case_external_refs WHERE case_id = $1", c.ID.UUID); n != 2 {
		t.Errorf("got %d links, want 2", n)
	}
	events := w.Events(c.ID)
	if last := events[len(events)-1]; !slices.Equal(last.Changed, []string{"case.externalRefs"}) {
		t.Errorf("the event is %+v", last)
	}
	for argument, in := range map[string]casework.LinkCaseInput{
		"input.system": {CaseID: c.ID, System: " ", ExternalID: "1"}, "input.externalId": {CaseID: c.ID, System: "crm"},
		"input.url": {CaseID: c.ID, System: "crm", ExternalID: "1", URL: new("javascript:alert(1)")},
	} {
		_, err := w.Work.LinkCase(t.Context(), w.Agent, in)
		worktest.Refused(t, argument, err, fault.CodeBadUserInput, argument)
	}
	letters := make([]rune, 500) // different ones of four bytes each, so that PostgreSQL cannot compress the text
	for i := range letters {
		letters[i] = 0x20000 + rune(i*7919%40000)
	}
	link(string(letters[:325]), string(letters[:325]), nil) // the longest that one entry of the index has room for
	_, err := w.Work.LinkCase(t.Context(), w.Agent, casework.LinkCaseInput{CaseID: c.ID, System: string(letters[:326]), ExternalID: string(letters[:325])})
	worktest.Refused(t, "both too long", err, fault.CodeBadUserInput, "input.externalId")
}

func TestAssignCasesIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.User("ana@example.com", model.Agent)
	a, b := w.Open(nil), w.Open(nil)
	stale := casework.AssignCasesInput{AssigneeID: &ana.ID, Cases: []*casework.CaseVersionInput{{CaseID: b.ID, ExpectedVersion: &b.Version}, {CaseID: a.ID, ExpectedVersion: new(9)}}}
	_, err := w.Work.AssignCases(t.Context(), w.Agent, stale)
	worktest.Refused(t, "a stale version", err, fault.CodeConflict, "input.cases[1].expectedVersion")
	_, err = w.Work.AssignCases(t.Context(), w.Agent, casework.AssignCasesInput{AssigneeID: &ana.ID, Cases: []*casework.CaseVersionInput{{CaseID: a.ID}, {CaseID: a.ID}}})
	worktest.Refused(t, "a case that is listed twice", err, fault.CodeBadUserInput, "input.cases[1].caseId")
	_, err = w.Work.AssignCases(t.Context(), w.Agent, casework.AssignCasesInput{AssigneeID: &ana.ID, Cases: []*casework.CaseVersionInput{{CaseID: model.CaseID{UUID: model.NewUUID()}}}})
	worktest.Refused(t, "an unknown case", err, fault.CodeNotFound, "input.cases[0].caseId")
	if n := w.Count("SELECT count(*) FROM cases WHERE assignee_id IS NOT NULL"); n != 0 {
		t.Fatalf("%d cases are assigned, want 0", n)
	}
	worktest.AtOnce(2, func(i int) { // two calls with the same cases in opposite orders
		list := []*casework.CaseVersionInput{{CaseID: a.ID}, {CaseID: b.ID}}
		if i == 1 {
			slices.Reverse(list)
		}
		out, err := w.Work.AssignCases(t.Context(), w.Agent, casework.AssignCasesInput{AssigneeID: &ana.ID, Cases: list, Note: new("Yours.")})
		if err != nil || out.Cases[0].ID != list[0].CaseID || *out.Cases[1].AssigneeID != ana.ID {
			t.Errorf("the payload is %+v, the error %v", out, err)
		}
	})
	if n := w.Count("SELECT count(*) FROM case_events WHERE type = 'ASSIGNED'"); n != 2 || w.Deadlocks.Load() != 0 {
		t.Errorf("got %d events, want 2; got %d deadlocks, want 0", n, w.Deadlocks.Load())
	}
	if to := w.MailsOf("CASE_ASSIGNED"); len(to) != 2 {
		t.Errorf("mails went to %v", to)
	}
}
