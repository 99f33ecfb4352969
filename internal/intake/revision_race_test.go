package intake_test

import (
	"fmt"
	"testing"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// A case that somebody opens by hand at the same moment is the response's only one.
func TestACaseOpenedByHandMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Rule("call", func(r *model.Rule) { r.ContactRequested = new(true) })
	in := intake.New(w.Work)
	for i := range 10 {
		id := fmt.Sprint("e", i)
		stored := w.Submit(answer(id, "", id+"@x.example", 3)).Response
		worktest.AtOnce(2, func(n int) {
			var err error
			if n == 0 {
				_, err = w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &stored.ID}, Note: "Call them."})
				if fault.Is(err, fault.CodeConflict) {
					err = nil
				}
			} else {
				_, err = in.Submit(t.Context(), w.Agent, answer(id, "", id+"@x.example", 3, func(in *intake.SubmitResponseInput) { in.ContactRequested = new(true) }))
			}
			if err != nil {
				t.Errorf("call %d: %v", n, err)
			}
		})
	}
	w.Counts(map[string]int{"cases": 10, "responses": 10})
	w.CheckCopies()
}

// A correction by hand and one that moves the response to another customer at the same moment both stay.
func TestACorrectionByHandOfAResponseThatMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := intake.New(w.Work)
	for i := range 20 {
		id := fmt.Sprint("e", i)
		stored := w.Submit(answer(id, "", id+"@x.example", 9)).Response
		worktest.AtOnce(2, func(n int) {
			var err error
			if n == 0 {
				_, err = in.Update(t.Context(), w.Agent, intake.UpdateResponseInput{ResponseID: stored.ID, QuoteConsent: new(true)})
			} else {
				_, err = in.Submit(t.Context(), w.Agent, answer(id, "", "bo@x.example", 9, correct))
			}
			if err != nil {
				t.Errorf("call %d: %v", n, err)
			}
		})
	}
	if n := w.Count("SELECT count(*) FROM responses r JOIN customers c ON c.id = r.customer_id WHERE c.email = 'bo@x.example' AND r.quote_consent"); n != 20 {
		t.Errorf("%d of 20 responses have both corrections", n)
	}
	w.CheckCopies()
}

// Sixteen callers at once send the parts of one response: it has all of them, and one case.
func TestPartsOfAResponseAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Rule("call", func(r *model.Rule) { r.ContactRequested = new(true) })
	parts := []func(*intake.SubmitResponseInput){
		func(*intake.SubmitResponseInput) {},
		func(in *intake.SubmitResponseInput) { in.Comment = new("Late") },
		func(in *intake.SubmitResponseInput) { in.ContactRequested = new(true) },
		func(in *intake.SubmitResponseInput) { in.Drivers = []string{"crew"} },
	}
	in := intake.New(w.Work)
	worktest.AtOnce(16, func(i int) {
		if _, err := in.Submit(t.Context(), w.Agent, answer("e1", "", "ana@x.example", 3, parts[i%4])); err != nil {
			t.Errorf("part %d: %v", i, err)
		}
	})
	if w.Count("SELECT count(*) FROM responses WHERE comment = 'Late' AND contact_requested AND drivers = '[\"crew\"]'") != 1 {
		t.Error("a part is lost")
	}
	w.Counts(map[string]int{"responses": 1, "customers": 1, "cases": 1})
	w.CheckCopies()
}
