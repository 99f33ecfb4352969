package intake_test

import (
	"slices"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Rule("detractors", func(r *model.Rule) { r.Scores = []int{0, 1, 2} })
	w.Theme("Punctuality", "late")
	stored := w.Submit(answer("e1", "", "ana@x.example", 9, func(in *intake.SubmitResponseInput) { in.Comment = new("Never late") })).Response
	update := func(in intake.UpdateResponseInput) *intake.UpdateResponsePayload {
		t.Helper()
		in.ResponseID = stored.ID
		out, err := intake.New(w.Work).Update(t.Context(), w.Agent, in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := update(intake.UpdateResponseInput{Score: new(1), Drivers: []string{"crew"}, RespondedAt: new(worktest.Start.Add(-time.Hour))})
	if want := []string{"response.score", "response.drivers", "response.respondedAt"}; !slices.Equal(out.Changed, want) || out.Case == nil || *out.Response.Comment != "Never late" {
		t.Errorf("changed %q, want %q; case %+v", out.Changed, want, out.Case)
	}
	w.CheckCopies()

	out = update(intake.UpdateResponseInput{Comment: worktest.Null[string]()})
	events := w.Events(out.Case.ID)
	if last := events[len(events)-1]; out.Response.Comment != nil || !slices.Equal(last.Changed, []string{"response.comment", "themes"}) || *last.ActorID != w.Agent.User.ID {
		t.Errorf("a removed comment: %+v", last)
	}
	w.Counts(map[string]int{"response_themes": 0, "response_texts": 1, "cases": 1})
	before := w.Fingerprint()
	if out := update(intake.UpdateResponseInput{Score: new(1)}); len(out.Changed) > 0 || out.Case == nil {
		t.Errorf("nothing new changes %q", out.Changed)
	}
	if again := w.Submit(answer("e1", "", "ana@x.example", 9, func(in *intake.SubmitResponseInput) { in.Comment = new("Never late") })); again.Response.Score != 1 {
		t.Error("the survey tool's repeat took the correction back")
	}
	if w.Fingerprint() != before {
		t.Error("rows changed")
	}
	w.CheckCopies()

	for name, c := range map[string]struct {
		in   intake.UpdateResponseInput
		code fault.Code
	}{
		"a score of 11":       {intake.UpdateResponseInput{ResponseID: stored.ID, Score: new(11)}, fault.CodeBadUserInput},
		"an unknown response": {intake.UpdateResponseInput{Score: new(1)}, fault.CodeNotFound},
	} {
		if _, err := intake.New(w.Work).Update(t.Context(), w.Agent, c.in); !fault.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if _, err := privacy.New(w.DB, w.Work).EraseCustomer(t.Context(), auth.Viewer{User: w.Agent.User}, privacy.EraseCustomerInput{CustomerID: stored.CustomerID}); err != nil {
		t.Fatal(err)
	}
	if _, err := intake.New(w.Work).Update(t.Context(), w.Agent, intake.UpdateResponseInput{ResponseID: stored.ID, Comment: worktest.Given("Ana was late")}); !fault.Is(err, fault.CodeConflict) {
		t.Errorf("an erased customer's response: %v", err)
	}
}
