package customer_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestResolveCustomer(t *testing.T) {
	t.Parallel()
	t.Run("finds a customer by external id, then by address, or creates one", func(t *testing.T) {
		t.Parallel()
		submitted := func(externalID, email string) *customer.CustomerInput {
			in := new(customer.CustomerInput)
			if at := strings.IndexAny(email, "+(0"); at >= 0 {
				in.Phone = worktest.Given(email[at:])
				email = strings.TrimSpace(email[:at])
			}
			if at := strings.Index(email, "name "); at >= 0 { // name, country and company
				parts := strings.Split(email[at+5:], "/")
				in.FirstName, email = worktest.Given(parts[0]), ""
				if len(parts) > 1 {
					in.Country = worktest.Given(parts[1])
				}
				if len(parts) > 2 {
					in.Company = worktest.Given(parts[2])
				}
			}
			if externalID != "" {
				in.ExternalID = &externalID
			}
			if email != "" {
				in.Email = worktest.Given(email)
			}
			return in
		}
		// Each step submits a response; customer is the number of the customer that the response must belong to.
		type step struct {
			externalID, email string
			customer          int
		}
		for name, steps := range map[string][]step{
			"id only":                                         {{"A", "", 1}, {"A", "", 1}, {"B", "", 2}},
			"ids that differ by case":                         {{"a", "", 1}, {"A", "", 2}},
			"id with a changing address":                      {{"A", "a@x.example", 1}, {"A", "b@x.example", 1}, {"A", "", 1}},
			"id takes precedence over the address":            {{"A", "a@x.example", 1}, {"B", "b@x.example", 2}, {"A", "b@x.example", 1}},
			"address only, in any case":                       {{"", "Ana@X.example", 1}, {"", "ANA@x.EXAMPLE", 1}, {"", "bo@x.example", 2}},
			"address with a typographic apostrophe":           {{"", "o'neil@x.example", 1}, {"", "o’neil@x.example", 1}, {"", "oneil@x.example", 2}},
			"names in typographic punctuation":                {{"", "name D'Arcy Lee/DE/Acme", 1}, {"", "name D’ARCY\u00a0\u200b Lee/DE/A\u00adcme", 1}, {"", "name D’Árcy Lee/DE/Acme", 2}},
			"names without a sign that takes width":           {{"", "name \u200b/DE/Acme", 1}, {"", "name \u200b/DE/Acme", 2}},
			"customer found by address gets the id":           {{"", "a@x.example", 1}, {"A", "a@x.example", 1}, {"A", "", 1}, {"", "a@x.example", 1}},
			"address of a customer with another id":           {{"A", "a@x.example", 1}, {"B", "A@x.example", 2}, {"B", "", 2}, {"A", "", 1}},
			"address only, of a customer with an id":          {{"A", "a@x.example", 1}, {"", "a@x.example", 1}},
			"former address":                                  {{"A", "a@x.example", 1}, {"A", "b@x.example", 1}, {"", "a@x.example", 2}, {"", "b@x.example", 1}},
			"shared address finds the older customer":         {{"A", "a@x.example", 1}, {"B", "a@x.example", 2}, {"", "a@x.example", 1}},
			"shared address finds the customer without an id": {{"A", "a@x.example", 1}, {"", "b@x.example", 2}, {"A", "b@x.example", 1}, {"", "b@x.example", 2}},
			"no identity":                                     {{"", "", 1}, {"", "", 2}},

			"phone number, however it is written":        {{"", "+49 30 123456", 1}, {"", "0049-30/123456", 1}, {"", "(4930) 123456", 1}, {"", "+49 30 123457", 2}},
			"too short for a phone number":               {{"", "01234", 1}, {"", "01234", 2}},
			"address before the number":                  {{"", "a@x.example +49 30 1", 1}, {"", "b@x.example +49 30 1234", 2}, {"", "a@x.example +49 30 1234", 1}},
			"number of a customer with an address":       {{"", "a@x.example +49 30 1234", 1}, {"", "+49 30 1234", 1}},
			"another address parts customers":            {{"", "a@x.example +49 30 1234", 1}, {"", "b@x.example +49 30 1234", 2}},
			"number, then an address":                    {{"", "+49 30 1234", 1}, {"", "a@x.example +49 30 1234", 1}, {"", "a@x.example", 1}},
			"number, then an id":                         {{"", "+49 30 1234", 1}, {"A", "+49 30 1234", 1}, {"A", "", 1}, {"B", "+49 30 1234", 2}},
			"former number":                              {{"A", "+49 30 1234", 1}, {"A", "+49 30 9999", 1}, {"", "+49 30 1234", 2}, {"", "+49 30 9999", 1}},
			"name, country and company":                  {{"", "name Ana/BR/ACME", 1}, {"", "name ANA/BR/Acme", 1}, {"", "name Ana/BR", 2}, {"", "name Ana/DE/ACME", 3}, {"", "name Ana", 4}, {"", "name Ana/BR/Other", 5}},
			"a missing name joins nobody":                {{"", "name /BR/ACME", 1}, {"", "name /BR/ACME", 2}},
			"another number parts customers of one name": {{"", "name Ana/BR/ACME +49 30 1234", 1}, {"", "name Ana/BR/ACME +49 30 9999", 2}, {"", "name Ana/BR/ACME +49 30 1234", 1}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				numbers := map[int]model.CustomerID{}
				seen := map[model.CustomerID]int{}
				for i, s := range steps {
					w.Later(time.Minute)
					id := w.Submit(intake.SubmitResponseInput{Score: 5, Customer: submitted(s.externalID, s.email)}).Response.CustomerID
					if _, seenBefore := numbers[s.customer]; !seenBefore {
						if other, taken := seen[id]; taken {
							t.Fatalf("step %d: want a new customer, got customer %d", i, other)
						}
						numbers[s.customer], seen[id] = id, s.customer
					}
					if numbers[s.customer] != id {
						t.Fatalf("step %d: want customer %d, got %d", i, s.customer, seen[id])
					}
				}
				w.Counts(map[string]int{"customers": len(numbers), "responses": len(steps)})
			})
		}
	})

	t.Run("finds a file's customer by name when there is nothing else", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		submit := func(in customer.CustomerInput, key string) *model.Customer {
			t.Helper()
			w.Later(time.Minute)
			one := intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{Score: 5, Customer: &in}, NameKey: key}
			outcomes := w.SubmitAll(intake.SubmitOptions{}, one)
			return worktest.Read[model.Customer](w.T, w.DB, outcomes[0].Response.CustomerID)
		}
		named := submit(customer.CustomerInput{FirstName: worktest.Given("Ana")}, "ana|BR")
		if named.NameKey == nil || *named.NameKey != "ana|BR\x1f" {
			t.Errorf("name key: want ana|BR, got %v", named.NameKey)
		}
		if again := submit(customer.CustomerInput{LastName: worktest.Given("Souza")}, "ana|BR"); again.ID != named.ID || *again.FirstName != "Ana" || *again.LastName != "Souza" || *again.NameKey != "ana|BR\x1f" {
			t.Errorf("found by name: want customer %v with both names, got %+v", named.ID, again)
		}
		if other := submit(customer.CustomerInput{}, "ana|DE"); other.ID == named.ID {
			t.Error("the same name in another country: want another customer, got the same")
		}
		for what, in := range map[string]customer.CustomerInput{
			"an address": {Email: worktest.Given("ana@x.example")}, "an id": {ExternalID: new("c-1")}, "a phone number": {Phone: worktest.Given("030 123456")},
		} {
			if other := submit(in, "ana|BR"); other.ID == named.ID || other.NameKey != nil {
				t.Errorf("with %s: want a new customer without a name key, got %+v", what, other)
			}
		}
		w.Counts(map[string]int{"customers": 5})
	})

	t.Run("keeps absent fields and clears null fields", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		value := decimal.NewFromInt(7)
		full := customer.CustomerInput{
			ExternalID: new("c-1"), FirstName: worktest.Given("Ana"), LastName: worktest.Given("Souza"), Email: worktest.Given("ana@x.example"), Phone: worktest.Given("1"), Company: worktest.Given("ACME"),
			Country: worktest.Given("BR"), Segment: worktest.Given("Gold"), LifetimeValue: graphql.OmittableOf(&value), AccountManagerEmail: worktest.Given("am@x.example"),
			AgentEmail: worktest.Given("agent@x.example"), Attributes: []*customer.AttributeInput{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}},
		}
		id := w.Submit(intake.SubmitResponseInput{Score: 5, Customer: &full}).Response.CustomerID
		before := worktest.Read[model.Customer](w.T, w.DB, id)

		w.Later(time.Minute)
		w.Submit(worktest.From("c-1", 6))
		after := worktest.Read[model.Customer](w.T, w.DB, id)
		after.LastResponseAt = before.LastResponseAt
		if !worktest.SameJSON(t, before, after) || *after.EmailFold != "ana@x.example" || *after.CompanyFold != "acme" || *after.SegmentFold != "gold" {
			t.Errorf("absent fields changed: want %+v, got %+v", before, after)
		}

		w.Later(time.Minute)
		none := graphql.OmittableOf[*decimal.Decimal](nil)
		w.Submit(intake.SubmitResponseInput{Score: 6, Customer: &customer.CustomerInput{
			ExternalID: new("c-1"), FirstName: worktest.Null[string](), LastName: worktest.Given(" "), Email: worktest.Null[string](), Phone: worktest.Null[string](), Company: worktest.Null[string](), Country: worktest.Null[string](),
			Segment: worktest.Given(""), LifetimeValue: none, AccountManagerEmail: worktest.Null[string](), AgentEmail: worktest.Null[string](),
			Attributes: []*customer.AttributeInput{{Key: "b", Value: "3"}, {Key: "c", Value: ""}},
		}})
		c := worktest.Read[model.Customer](w.T, w.DB, id)
		if c.FirstName != nil || c.LastName != nil || c.Email != nil || c.EmailFold != nil || c.Phone != nil || c.Company != nil || c.CompanyFold != nil ||
			c.Country != nil || c.Segment != nil || c.SegmentFold != nil || c.LifetimeValue != nil || c.AccountManagerEmail != nil || c.AgentEmail != nil {
			t.Errorf("want all null fields cleared, got %+v", c)
		}
		if *c.ExternalID != "c-1" || !maps.Equal(c.Attributes, map[string]string{"a": "1", "b": "3", "c": ""}) {
			t.Errorf("want external id c-1 and merged attributes, got %v and %v", c.ExternalID, c.Attributes)
		}
	})

	t.Run("keeps newer data when an older response comes in", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		submit := func(responded time.Time, in customer.CustomerInput) *model.Response {
			t.Helper()
			return w.Submit(intake.SubmitResponseInput{Score: 5, Customer: &in, RespondedAt: &responded}).Response
		}
		newest := worktest.Start.Add(-time.Hour)
		id := submit(newest, customer.CustomerInput{Email: worktest.Given("ana@x.example"), Country: worktest.Given("BR"), Company: worktest.Given("ACME")}).CustomerID
		older := submit(newest.Add(-time.Microsecond), customer.CustomerInput{
			ExternalID: new("c-1"), Email: worktest.Given("ANA@x.example"), Country: worktest.Given("DE"), Company: worktest.Null[string](), Segment: worktest.Given("gold"),
			Attributes: []*customer.AttributeInput{{Key: "a", Value: "1"}},
		})
		c := worktest.Read[model.Customer](w.T, w.DB, id)
		if older.CustomerID != id || *c.Country != "BR" || *c.Company != "ACME" || *c.Email != "ana@x.example" || c.Segment != nil || len(c.Attributes) > 0 ||
			!c.LastResponseAt.Equal(newest) {
			t.Errorf("an older response changed the customer: %+v", c)
		}
		if c.ExternalID == nil || *c.ExternalID != "c-1" {
			t.Errorf("external id from an older response: want c-1, got %v", c.ExternalID)
		}
		if r := worktest.Read[model.Response](w.T, w.DB, older.ID); *r.Country != "BR" || *r.CompanyFold != "acme" || r.SegmentFold != nil {
			t.Errorf("copies of the older response: want the customer's current values, got %+v", r)
		}

		same := submit(newest, customer.CustomerInput{ExternalID: new("c-1"), Country: worktest.Given("DE")})
		if c = worktest.Read[model.Customer](w.T, w.DB, id); same.CustomerID != id || *c.Country != "DE" {
			t.Errorf("a response of the same time: want country DE, got %+v", c)
		}
		w.Counts(map[string]int{"customers": 1, "responses": 3})
	})
}
