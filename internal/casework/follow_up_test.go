package casework_test

import (
	"slices"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

func phone(outcome model.OutreachOutcome) *casework.OutreachInput {
	return &casework.OutreachInput{Channel: "PHONE", Outcome: outcome}
}

func (w *world) outreach(id model.CaseID, o *casework.OutreachInput) *casework.RecordOutreachPayload {
	w.t.Helper()
	out, err := w.work.RecordOutreach(w.t.Context(), w.agent, casework.RecordOutreachInput{CaseID: id, Outreach: o, Note: "Rang them."})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func TestAnUnansweredCallIsKeptInTheHistoryAndCountsForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open()
	out := w.outreach(c.ID, phone(model.NoAnswer))
	if out.Case.FirstFollowUpAt != nil || out.Case.FirstContactAt != nil || *out.Event.Outcome != model.NoAnswer || out.Event.NoteID == nil {
		t.Errorf("%+v", out.Case)
	}
	if r := read[model.Response](w, *c.ResponseID); r.ContactStatus != model.NotContacted {
		t.Errorf("the response is %s", r.ContactStatus)
	}
	if p := read[model.Customer](w, c.CustomerID); p.LastContactedAt != nil {
		t.Error("the customer counts as contacted")
	}
}

func TestTheFirstOutreachThatCountsIsTheFollowUpAndTheContactAlsoThroughReopening(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open()
	w.later(time.Hour)
	first := w.now()
	again := first.Add(30 * 24 * time.Hour)
	out := w.outreach(c.ID, &casework.OutreachInput{Channel: "EMAIL", Offer: new(model.OutreachOffer("VOUCHER")), Outcome: model.MessageSent, NextSurveyAt: &again})
	if !out.Case.FirstFollowUpAt.Equal(first) || !out.Case.FirstContactAt.Equal(first) || out.Case.Response.ContactStatus != model.Contacted ||
		!out.Case.Customer.LastContactedAt.Equal(first) || !out.Case.Customer.NextSurveyAt.Equal(again) || out.Case.Status != model.Open {
		t.Errorf("%+v", out.Case)
	}
	w.later(time.Hour)
	w.outreach(c.ID, phone(model.Reached))
	w.move(c.ID, model.Closed)
	w.move(c.ID, model.Open)
	stored := read[model.Case](w, c.ID)
	if !stored.FirstFollowUpAt.Equal(first) || !stored.FirstContactAt.Equal(first) || stored.ReopenCount != 1 {
		t.Errorf("%+v", stored)
	}
	if p := read[model.Customer](w, c.CustomerID); !p.LastContactedAt.Equal(first.Add(time.Hour)) || !p.NextSurveyAt.Equal(again) {
		t.Errorf("the customer: %+v", p)
	}
}

func TestTheCustomersOtherCasesAreToldOfTheContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open()
	other, err := w.work.OpenCase(t.Context(), w.agent, casework.OpenCaseInput{CustomerID: &c.CustomerID, Note: "Another."})
	if err != nil {
		t.Fatal(err)
	}
	w.outreach(c.ID, phone(model.Reached))
	events := w.events(other.Case.ID)
	last := events[len(events)-1]
	if last.Type != model.EventDetailsChanged || !slices.Equal(last.Changed, []string{"customer.lastContactedAt"}) || *last.ActorID != w.agent.User.ID {
		t.Errorf("%+v", last)
	}
	if own := w.events(c.ID); own[len(own)-1].Type != model.EventOutreachRecorded {
		t.Errorf("the case's own last event: %s", own[len(own)-1].Type)
	}
}

func TestAnOutreachAndTheStatusItLedToAreOneStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open()
	in := casework.UpdateCaseStatusInput{CaseID: c.ID, Status: model.InProgress, Note: "Called; they wait for a refund.", Outreach: phone(model.Reached), ExpectedVersion: &c.Version}
	out, err := w.work.UpdateCaseStatus(t.Context(), w.agent, in)
	if err != nil {
		t.Fatal(err)
	}
	events := w.events(c.ID)
	if n := len(events); events[n-2].Type != model.EventOutreachRecorded || events[n-1].Type != model.EventStatusChanged || *events[n-2].NoteID != *events[n-1].NoteID || out.Case.Version != n {
		t.Errorf("%+v", events[n-2:])
	}
	if _, err := w.work.UpdateCaseStatus(t.Context(), w.agent, in); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("again: %v", err)
	}
	if n := w.count("SELECT count(*) FROM case_events WHERE type = 'OUTREACH_RECORDED'"); n != 1 {
		t.Errorf("%d outreaches", n)
	}
}

func TestAReplyOutlastsLaterCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open()
	out, err := w.work.RecordReply(t.Context(), w.agent, casework.RecordReplyInput{CaseID: c.ID, Improvement: new("Answer the phone.")})
	if err != nil || *out.Event.Improvement != "Answer the phone." || out.Event.NoteID != nil {
		t.Fatalf("%+v, %v", out, err)
	}
	w.outreach(c.ID, phone(model.Reached))
	if r := read[model.Response](w, *c.ResponseID); r.ContactStatus != model.Replied {
		t.Errorf("the response is %s", r.ContactStatus)
	}
	_, err = w.work.RecordReply(t.Context(), w.agent, casework.RecordReplyInput{CaseID: c.ID, Improvement: new(" ")})
	refused(t, "a blank improvement", err, fault.CodeBadUserInput, "input.improvement")
}

func TestTheFiveWhysReplaceThoseBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open()
	for _, whys := range [][]string{{"Late."}, {" Late. ", "No crew.", "Bad plan.", "Old tool.", "No owner."}} {
		out, err := w.work.SetRootCause(t.Context(), w.agent, casework.SetRootCauseInput{CaseID: c.ID, Whys: whys})
		if err != nil || len(out.Event.Whys) != len(whys) {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	if got := read[model.Case](w, c.ID).RootCause; len(got) != 5 || got[0] != "Late." || got[4] != "No owner." {
		t.Errorf("%q", got)
	}
	for argument, whys := range map[string][]string{"input.whys": {}, "input.whys[1]": {"a", " "}} {
		_, err := w.work.SetRootCause(t.Context(), w.agent, casework.SetRootCauseInput{CaseID: c.ID, Whys: whys})
		refused(t, argument, err, fault.CodeBadUserInput, argument)
	}
	_, err := w.work.SetRootCause(t.Context(), w.agent, casework.SetRootCauseInput{CaseID: c.ID, Whys: make([]string, 6)})
	refused(t, "six", err, fault.CodeBadUserInput, "input.whys")
	if err := w.exec("UPDATE cases SET root_cause = '[1,2,3,4,5,6]' WHERE id = $1", c.ID.UUID); err == nil {
		t.Error("the database takes six")
	}
}

func TestALinkIsReplacedBySystemAndToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open()
	link := func(system, id string, url *string) *model.Case {
		t.Helper()
		out, err := w.work.LinkCase(t.Context(), w.agent, casework.LinkCaseInput{CaseID: c.ID, System: system, ID: id, URL: url})
		if err != nil {
			t.Fatal(err)
		}
		return out.Case
	}
	link("crm", "A-1", nil)
	link("zendesk", "77", new("https://zendesk.example/77"))
	before := link("crm", "A-2", nil).Version
	if after := link("crm", "A-2", nil).Version; after != before {
		t.Error("the same link again is an event")
	}
	if n := w.count("SELECT count(*) FROM case_external_refs WHERE case_id = $1", c.ID.UUID); n != 2 {
		t.Errorf("%d links", n)
	}
	events := w.events(c.ID)
	if last := events[len(events)-1]; !slices.Equal(last.Changed, []string{"case.externalRefs"}) {
		t.Errorf("%+v", last)
	}
	for argument, in := range map[string]casework.LinkCaseInput{
		"input.system": {CaseID: c.ID, System: " ", ID: "1"}, "input.id": {CaseID: c.ID, System: "crm"},
		"input.url": {CaseID: c.ID, System: "crm", ID: "1", URL: new("javascript:alert(1)")},
	} {
		_, err := w.work.LinkCase(t.Context(), w.agent, in)
		refused(t, argument, err, fault.CodeBadUserInput, argument)
	}
}

func TestSeveralCasesAreAssignedAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.user("ana@example.com", model.Agent)
	a, b := w.open(), w.open()
	stale := casework.AssignCasesInput{AssigneeID: &ana.ID, Cases: []*casework.CaseVersionInput{{ID: b.ID, ExpectedVersion: &b.Version}, {ID: a.ID, ExpectedVersion: new(9)}}}
	_, err := w.work.AssignCases(t.Context(), w.agent, stale)
	refused(t, "a stale version", err, fault.CodeConflict, "input.cases[1].expectedVersion")
	_, err = w.work.AssignCases(t.Context(), w.agent, casework.AssignCasesInput{AssigneeID: &ana.ID, Cases: []*casework.CaseVersionInput{{ID: a.ID}, {ID: a.ID}}})
	refused(t, "one case twice", err, fault.CodeBadUserInput, "input.cases[1].id")
	_, err = w.work.AssignCases(t.Context(), w.agent, casework.AssignCasesInput{AssigneeID: &ana.ID, Cases: []*casework.CaseVersionInput{{ID: model.CaseID{UUID: model.NewUUID()}}}})
	refused(t, "no such case", err, fault.CodeNotFound, "input.cases[0].id")
	if n := w.count("SELECT count(*) FROM cases WHERE assignee_id IS NOT NULL"); n != 0 {
		t.Fatalf("%d are assigned all the same", n)
	}
	atOnce(2, func(i int) { // in opposite orders
		list := []*casework.CaseVersionInput{{ID: a.ID}, {ID: b.ID}}
		if i == 1 {
			slices.Reverse(list)
		}
		out, err := w.work.AssignCases(t.Context(), w.agent, casework.AssignCasesInput{AssigneeID: &ana.ID, Cases: list, Note: new("Yours.")})
		if err != nil || out.Cases[0].ID != list[0].ID || *out.Cases[1].AssigneeID != ana.ID {
			t.Errorf("%+v, %v", out, err)
		}
	})
	if n := w.count("SELECT count(*) FROM case_events WHERE type = 'ASSIGNED'"); n != 2 || w.deadlocks.Load() != 0 {
		t.Errorf("%d events, %d deadlocks", n, w.deadlocks.Load())
	}
	if to := w.told("CASE_ASSIGNED"); len(to) != 2 {
		t.Errorf("told: %v", to)
	}
}

func TestACustomerIsChangedByHandAndTheirCasesAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open()
	in := customer.UpdateCustomerInput{ID: c.CustomerID, Country: text("germany"), Company: text("ACME"), LastName: cleared(), NextSurveyAt: graphql.OmittableOf(&start)}
	out, err := customer.New(w.work).Update(t.Context(), w.agent, in)
	if err != nil || *out.Customer.Country != "DE" {
		t.Fatalf("%+v, %v", out, err)
	}
	if stored := read[model.Case](w, c.ID); *stored.Country != "DE" || *stored.CompanyFold != "acme" {
		t.Errorf("the case's copies: %+v", stored)
	}
	events := w.events(c.ID)
	if last := events[len(events)-1]; !slices.Equal(last.Changed, []string{"customer.company", "customer.country", "customer.nextSurveyAt"}) {
		t.Errorf("%q", last.Changed)
	}
	if _, err := customer.New(w.work).Update(t.Context(), w.agent, in); err != nil || len(w.events(c.ID)) != len(events) {
		t.Errorf("the same again: %v, %d events", err, len(w.events(c.ID)))
	}
	_, err = customer.New(w.work).Update(t.Context(), w.agent, customer.UpdateCustomerInput{ID: c.CustomerID, Country: text("Atlantis")})
	refused(t, "no such country", err, fault.CodeBadUserInput, "input.country")
	_, err = customer.New(w.work).Update(t.Context(), w.agent, customer.UpdateCustomerInput{ID: model.CustomerID{UUID: model.NewUUID()}})
	refused(t, "no such customer", err, fault.CodeNotFound, "input.id")
}
