package privacy

import (
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/model"
)

// What sources keep of deliveries is found by the response, or, where there is none, by the text.
func TestEraseRemovesPayloadsOfSurveyTools(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	customer, _ := addPenelope(s)
	s.OK(model.Manager, `mutation {createSource(input: {name: "tool", tool: QUALTRICS, survey: "spring"}) {source {id}}}`, nil)
	deliver := func(body string, want model.SourceFate) {
		t.Helper()
		to, err := s.App.Sources.Named(t.Context(), "tool")
		if err != nil || to == nil {
			t.Fatal(to, err)
		}
		a, err := s.App.Sources.Deliver(t.Context(), auth.System("test"), to, []byte(body))
		if err != nil || a.Fate != want {
			t.Fatalf("%s: %+v, %v", body, a, err)
		}
	}
	const accepted = `{"externalId": "survey-0815-3", "score": 9, "comment": "Penelope by tool.", "customer": {"externalId": "crm-4711"}}`
	deliver(accepted, model.FateAccepted)
	deliver(accepted, model.FateKnown)
	deliver(`{"externalId": "survey-0815", "score": 10, "customer": {"externalId": "crm-4711"}}`, model.FateRefused)
	deliver(`{"externalId": "x", "score": "none", "customer": {"email": "\u0050.Quixano@new.example"}}`, model.FateRefused)
	deliver(`{"externalId": "y", "score": "none", "customer": {"phone": "+34 5550199"}}`, model.FateRefused)
	deliver(`{"externalId": "z", "score": "none", "customer": {"email": "kim@example.com"}}`, model.FateRefused)
	if n := s.Count("source_deliveries WHERE payload IS NOT NULL"); n != 6 {
		t.Fatalf("before, %d payloads are kept", n)
	}
	erase(s, customer)
	text := dump(s)
	if found := mentions(text, herWords); len(found) > 0 {
		t.Errorf("a dump still has %v", found)
	}
	if !strings.Contains(text, "kim@example.com") || s.Count("source_deliveries") != 6 || s.Count("source_deliveries WHERE payload IS NOT NULL") != 1 {
		t.Error("what is another's is gone, or a delivery")
	}
	deliver(accepted, model.FateKnown)
	if found := mentions(dump(s), herWords); len(found) > 0 {
		t.Errorf("after a repeat, a dump has %v", found)
	}
}
