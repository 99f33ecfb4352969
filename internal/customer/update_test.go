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
	in := customer.UpdateCustomerInput{ID: c.CustomerID, Country: worktest.Given("germany"), Company: worktest.Given("ACME"), LastName: worktest.Null[string](), NextSurveyAt: graphql.OmittableOf(&worktest.Start)}
	out, err := customer.New(w.Work).Update(t.Context(), w.Agent, in)
	if err != nil || *out.Customer.Country != "DE" {
		t.Fatalf("%+v, %v", out, err)
	}
	if stored := worktest.Read[model.Case](w.T, w.DB, c.ID); *stored.Country != "DE" || *stored.CompanyFold != "acme" {
		t.Errorf("the case's copies: %+v", stored)
	}
	events := w.Events(c.ID)
	if last := events[len(events)-1]; !slices.Equal(last.Changed, []string{"customer.company", "customer.country", "customer.nextSurveyAt"}) {
		t.Errorf("%q", last.Changed)
	}
	if _, err := customer.New(w.Work).Update(t.Context(), w.Agent, in); err != nil || len(w.Events(c.ID)) != len(events) {
		t.Errorf("the same again: %v, %d events", err, len(w.Events(c.ID)))
	}
	_, err = customer.New(w.Work).Update(t.Context(), w.Agent, customer.UpdateCustomerInput{ID: c.CustomerID, Country: worktest.Given("Atlantis")})
	worktest.Refused(t, "no such country", err, fault.CodeBadUserInput, "input.country")
	_, err = customer.New(w.Work).Update(t.Context(), w.Agent, customer.UpdateCustomerInput{ID: model.CustomerID{UUID: model.NewUUID()}})
	worktest.Refused(t, "no such customer", err, fault.CodeNotFound, "input.id")
}
