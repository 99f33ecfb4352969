package customer_test

import (
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestUpdateCustomerRecordsEventsOnTheCases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Open(nil)
	in := customer.UpdateCustomerInput{CustomerID: c.CustomerID, Country: worktest.Given("germany"), Company: worktest.Given("ACME"), LastName: worktest.Null[string](), NextSurveyAt: graphql.OmittableOf(&worktest.Start)}
	out, err := customer.New(w.Work).Update(t.Context(), w.Agent, in)
	if err != nil || *out.Customer.Country != "DE" {
		t.Fatalf("country: want DE, got %+v, %v", out, err)
	}
	if stored := worktest.Read[model.Case](w.T, w.DB, c.ID); *stored.Country != "DE" || *stored.CompanyFold != "acme" {
		t.Errorf("the case's copies: want country DE and company acme, got %+v", stored)
	}
	events := w.Events(c.ID)
	if last := events[len(events)-1]; !slices.Equal(last.Changed, []string{"customer.company", "customer.country", "customer.nextSurveyAt"}) {
		t.Errorf("changed fields: want company, country and nextSurveyAt, got %q", last.Changed)
	}
	if _, err := customer.New(w.Work).Update(t.Context(), w.Agent, in); err != nil || len(w.Events(c.ID)) != len(events) {
		t.Errorf("the same update again: want %d events, got %d, %v", len(events), len(w.Events(c.ID)), err)
	}
	_, err = customer.New(w.Work).Update(t.Context(), w.Agent, customer.UpdateCustomerInput{CustomerID: c.CustomerID, Country: worktest.Given("Atlantis")})
	worktest.Refused(t, "an unknown country", err, fault.CodeBadUserInput, "input.country")
	_, err = customer.New(w.Work).Update(t.Context(), w.Agent, customer.UpdateCustomerInput{CustomerID: model.CustomerID{UUID: model.NewUUID()}})
	worktest.Refused(t, "an unknown customer", err, fault.CodeNotFound, "input.customerId")
}
