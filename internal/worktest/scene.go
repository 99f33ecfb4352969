package worktest

import (
	"fmt"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// Agents writes n users to whom cases can be assigned.
func (w *World) Agents(n int) (users []*model.User) {
	w.T.Helper()
	for i := range n {
		users = append(users, w.User(fmt.Sprintf("agent-%d@care.example", i), model.Agent))
	}
	return users
}

// Phone is a call with this outcome.
func Phone(outcome model.OutreachOutcome) *casework.OutreachInput {
	return &casework.OutreachInput{Channel: "PHONE", Outcome: outcome}
}

// Outreach records an outreach on the case.
func (w *World) Outreach(id model.CaseID, o *casework.OutreachInput) *casework.RecordOutreachPayload {
	w.T.Helper()
	out, err := w.Work.RecordOutreach(w.T.Context(), w.caller, casework.RecordOutreachInput{CaseID: id, Outreach: o, Note: "Rang them."})
	if err != nil {
		w.T.Fatal(err)
	}
	return out
}

// Theme writes a theme of medium effort.
func (w *World) Theme(name string, keywords ...string) *model.Theme {
	w.T.Helper()
	t := &model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Name: name, NameFold: model.Fold(name), Keywords: append(model.Strings{}, keywords...),
		Effort: model.Medium, CreatedAt: Start, UpdatedAt: Start}
	w.Create(t)
	return t
}

// Office is a calendar with the hours from 9 to 5 on Monday to Friday.
func Office(zone string, holidays ...model.Date) *model.Calendar {
	c := &model.Calendar{TimeZone: zone, Holidays: holidays}
	for _, d := range model.Weekdays[1:6] {
		c.Hours = append(c.Hours, model.CalendarHours{Weekday: d, From: 9 * 60, To: 17 * 60})
	}
	return c
}

// Submit takes a response in, and fails the test if that fails.
func (w *World) Submit(in intake.SubmitResponseInput) *intake.SubmitResponsePayload {
	w.T.Helper()
	out, err := intake.New(w.Work).Submit(w.T.Context(), w.caller, in)
	if err != nil {
		w.T.Fatalf("submit %+v: %v", in, err)
	}
	return out
}

// SubmitAll takes a batch in, and fails the test if one of its items fails.
func (w *World) SubmitAll(o intake.SubmitOptions, batch ...intake.Submission) []intake.Outcome {
	w.T.Helper()
	outcomes, err := intake.New(w.Work).SubmitAll(w.T.Context(), w.caller, batch, o)
	if err != nil {
		w.T.Fatalf("submit a batch: %v", err)
	}
	for i, o := range outcomes {
		if o.Fault != nil {
			w.T.Fatalf("submit %d of a batch: %v", i, o.Fault)
		}
	}
	return outcomes
}

// From is a response of the customer with this external id.
func From(externalID string, score int) intake.SubmitResponseInput {
	return intake.SubmitResponseInput{Score: score, Customer: &customer.CustomerInput{ExternalID: &externalID}}
}

// Move changes the case's status.
func (w *World) Move(id model.CaseID, to model.CaseStatus) *casework.UpdateCaseStatusPayload {
	w.T.Helper()
	out, err := w.Work.UpdateCaseStatus(w.T.Context(), w.caller, casework.UpdateCaseStatusInput{CaseID: id, Status: to, Note: "Called them."})
	if err != nil {
		w.T.Fatalf("move a case to %s: %v", to, err)
	}
	return out
}

// Rule writes a rule after the others. It is enabled and opens a case without an assignee, unless change says otherwise.
func (w *World) Rule(name string, change func(*model.Rule)) *model.Rule {
	w.T.Helper()
	w.rules++
	r := &model.Rule{
		ID: model.RuleID{UUID: model.NewUUID()}, Name: name, Enabled: true, Position: w.rules, Scores: []int{}, OpensCase: true,
		Strategy: model.Unassigned, CreatedAt: Start, UpdatedAt: Start,
	}
	if change != nil {
		change(r)
	}
	w.Create(r)
	for i := range r.Recipients {
		r.Recipients[i].RuleID, r.Recipients[i].Ordinal = r.ID, i
		w.Create(&r.Recipients[i])
	}
	return r
}

// Inactive makes a user inactive.
func Inactive(u *model.User) { u.Active = false }
