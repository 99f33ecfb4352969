package casework_test

import (
	"slices"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestCustomerChange(t *testing.T) {
	t.Parallel()
	t.Run("records an event on every case of the customer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", nil)
		value := decimal.RequireFromString("10.5")
		in := worktest.From("c-1", 3)
		in.Customer.Country, in.Customer.Company, in.Customer.Segment = worktest.Given("BR"), worktest.Given("ACME"), worktest.Given("Gold")
		first := w.Submit(in)
		w.Later(time.Minute)
		second := w.Submit(worktest.From("c-1", 4))
		w.Move(first.Case.ID, model.Closed)

		w.Later(time.Minute)
		in = worktest.From("c-1", 9)
		in.Customer.Country, in.Customer.Company, in.Customer.LifetimeValue = worktest.Given("DE"), worktest.Null[string](), graphql.OmittableOf(&value)
		in.Customer.Segment, in.Customer.AccountManagerEmail = worktest.Given("Gold"), worktest.Given("am@x.example") // the segment does not change
		third := w.Submit(in)

		for name, c := range map[string]struct {
			id      model.CaseID
			version int
		}{"the closed case": {first.Case.ID, 3}, "the open case": {second.Case.ID, 2}} {
			row := worktest.Read[model.Case](w.T, w.DB, c.id)
			if row.Version != c.version || *row.Country != "DE" || row.CompanyFold != nil || *row.SegmentFold != "gold" || !row.LifetimeValue.Equal(value) ||
				!row.UpdatedAt.Equal(w.Now()) {
				t.Errorf("%s is %+v", name, row)
			}
			events := w.Events(c.id)
			last := events[len(events)-1]
			if last.Type != model.EventDetailsChanged || last.ActorID != nil || last.Version != c.version || !last.At.Equal(w.Now()) ||
				!slices.Equal(last.Changed, []string{"customer.accountManagerEmail", "customer.company", "customer.country", "customer.lifetimeValue"}) {
				t.Errorf("the last event of %s is %+v", name, last)
			}
		}
		if events := w.Events(third.Case.ID); len(events) != 1 || events[0].Type != model.EventOpened {
			t.Errorf("the events of the case opened by the same response are %+v, want only OPENED", events)
		}
		for _, r := range []*model.Response{first.Response, second.Response, third.Response} {
			if row := worktest.Read[model.Response](w.T, w.DB, r.ID); *row.Country != "DE" || row.CompanyFold != nil || *row.SegmentFold != "gold" {
				t.Errorf("the copies on a response are out of date: %+v", row)
			}
		}
		w.CheckCopies()
	})

	t.Run("records no event when nothing changed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", func(r *model.Rule) { r.Scores = []int{3} })
		value := decimal.RequireFromString("10.50")
		in := worktest.From("c-1", 3)
		in.Customer.Country, in.Customer.LifetimeValue = worktest.Given("BR"), graphql.OmittableOf(&value)
		in.Customer.Attributes = []*customer.AttributeInput{{Key: "a", Value: "1"}}
		c := w.Submit(in).Case
		w.Later(time.Minute)
		same := decimal.RequireFromString("10.5")
		in.Score, in.Customer.Country, in.Customer.LifetimeValue = 9, worktest.Given("Brazil"), graphql.OmittableOf(&same)
		w.Submit(in)
		if events := w.Events(c.ID); len(events) != 1 {
			t.Errorf("got %d events, want 1; the last changed %v", len(events), events[len(events)-1].Changed)
		}
	})

	t.Run("names every field that changed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", func(r *model.Rule) { r.Scores = []int{3} })
		value := decimal.NewFromInt(1)
		first := w.Submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{Email: worktest.Given("ana@x.example")}})
		for name, c := range map[string]customer.CustomerInput{
			"firstName": {FirstName: worktest.Given("Ana")}, "lastName": {LastName: worktest.Given("Souza")}, "phone": {Phone: worktest.Given("1")}, "company": {Company: worktest.Given("ACME")},
			"country": {Country: worktest.Given("BR")}, "segment": {Segment: worktest.Given("gold")}, "lifetimeValue": {LifetimeValue: graphql.OmittableOf(&value)},
			"accountManagerEmail": {AccountManagerEmail: worktest.Given("am@x.example")}, "agentEmail": {AgentEmail: worktest.Given("agent@x.example")},
			"attributes": {Attributes: []*customer.AttributeInput{{Key: "a", Value: "1"}}},
			"email":      {Email: worktest.Given("Ana@x.example")}, "externalId": {ExternalID: new("c-1")},
		} {
			w.Later(time.Minute)
			if _, given := c.Email.ValueOK(); !given {
				c.Email = worktest.Given(*worktest.Read[model.Customer](w.T, w.DB, first.Response.CustomerID).Email)
			}
			w.Submit(intake.SubmitResponseInput{Score: 9, Customer: &c})
			events := w.Events(first.Case.ID)
			if got := events[len(events)-1].Changed; !slices.Equal(got, []string{"customer." + name}) {
				t.Errorf("the event names %v, want customer.%s", got, name)
			}
		}
		w.CheckCopies()
	})
}
