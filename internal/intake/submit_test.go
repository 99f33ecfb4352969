package intake_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestSubmit(t *testing.T) {
	t.Parallel()
	t.Run("keeps the response with its customer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		value := decimal.RequireFromString("1234.50")
		responded := worktest.Start.Add(-time.Hour)
		out := w.Submit(intake.SubmitResponseInput{
			ExternalID: new(" r-1 "), Survey: new(" spring "), Score: 8, Comment: new(" Good, but slow. "), Drivers: []string{" price ", "", "speed"},
			ContactRequested: new(true), QuoteConsent: new(false), TestimonialLikelihood: new(0.25), RespondedAt: &responded,
			Attributes: []*customer.AttributeInput{{Key: "shop", Value: "Lisbon"}, {Key: "lane", Value: "3"}},
			Customer: &customer.CustomerInput{
				ExternalID: new("c-1"), FirstName: worktest.Given(" Ana "), LastName: worktest.Given("Souza"), Email: worktest.Given(" Ana@Example.com "), Phone: worktest.Given("+55 11 1"),
				Company: worktest.Given("ACME"), Country: worktest.Given("brazil"), Segment: worktest.Given("Gold"), LifetimeValue: graphql.OmittableOf(&value),
				AccountManagerEmail: worktest.Given("am@example.com"), AgentEmail: worktest.Given("agent@example.com"),
				Attributes: []*customer.AttributeInput{{Key: "tier", Value: "1"}},
			},
		})
		if !out.Created || out.Case != nil {
			t.Errorf("want a created response without a case, got created %t, case %+v", out.Created, out.Case)
		}
		for where, r := range map[string]*model.Response{"returned": out.Response, "stored": worktest.Read[model.Response](w.T, w.DB, out.Response.ID)} {
			if *r.ExternalID != "r-1" || *r.Survey != "spring" || r.Score != 8 || r.Category != model.Passive || *r.Comment != " Good, but slow. " ||
				!slices.Equal(r.Drivers, []string{"price", "speed"}) || !r.ContactRequested || *r.QuoteConsent || *r.TestimonialLikelihood != 0.25 ||
				!maps.Equal(r.Attributes, map[string]string{"shop": "Lisbon", "lane": "3"}) ||
				!r.RespondedAt.Equal(responded) || !r.ReceivedAt.Equal(worktest.Start) || *r.Country != "BR" || *r.CompanyFold != "acme" || *r.SegmentFold != "gold" {
				t.Errorf("the %s response is wrong: %+v", where, r)
			}
		}
		c := worktest.Read[model.Customer](w.T, w.DB, out.Response.CustomerID)
		if *c.ExternalID != "c-1" || *c.FirstName != "Ana" || *c.LastName != "Souza" || *c.Email != "Ana@Example.com" || *c.EmailFold != "ana@example.com" ||
			*c.Phone != "+55 11 1" || *c.Company != "ACME" || *c.CompanyFold != "acme" || *c.Country != "BR" || *c.Segment != "Gold" || *c.SegmentFold != "gold" ||
			!c.LifetimeValue.Equal(value) || *c.AccountManagerEmail != "am@example.com" || *c.AgentEmail != "agent@example.com" ||
			!maps.Equal(c.Attributes, map[string]string{"tier": "1"}) || !c.CreatedAt.Equal(worktest.Start) || !c.LastResponseAt.Equal(responded) || c.NameKey != nil || c.Number < 1 {
			t.Errorf("the stored customer is wrong: %+v", c)
		}
	})

	t.Run("needs nothing but a score", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.Submit(intake.SubmitResponseInput{Score: 0, Comment: new("  "), Survey: new("")}).Response
		r = worktest.Read[model.Response](w.T, w.DB, r.ID)
		if r.Score != 0 || r.Category != model.Detractor || r.ContactRequested || r.QuoteConsent != nil || r.TestimonialLikelihood != nil || r.Comment != nil ||
			r.Survey != nil || r.ExternalID != nil || len(r.Drivers) > 0 || !r.RespondedAt.Equal(worktest.Start) || r.Country != nil {
			t.Errorf("the stored response is wrong: %+v", r)
		}
		if c := worktest.Read[model.Customer](w.T, w.DB, r.CustomerID); c.ExternalID != nil || c.Email != nil || c.FullName() != "" {
			t.Errorf("the stored customer is wrong: %+v", c)
		}
		w.Submit(intake.SubmitResponseInput{Score: 0})
		w.Counts(map[string]int{"customers": 2, "responses": 2, "cases": 0})
	})

	t.Run("changes nothing when the response is known", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", nil)
		in := worktest.From("c-1", 3)
		in.ExternalID = new("r-1")
		first := w.Submit(in)
		w.Later(time.Hour)

		in.ExternalID = new(" r-1 ")
		again := w.Submit(in)
		if again.Created || again.Response.ID != first.Response.ID || again.Response.Score != 3 || again.Response.Category != model.Detractor {
			t.Errorf("want the first response, not created again; got created %t, %+v", again.Created, again.Response)
		}
		if again.Case == nil || again.Case.ID != first.Case.ID || again.Case.Number != first.Case.Number {
			t.Errorf("want case %d, got %+v", first.Case.Number, again.Case)
		}
		if c := worktest.Read[model.Customer](w.T, w.DB, first.Response.CustomerID); c.Country != nil {
			t.Errorf("the customer's country: want none, got %s", *c.Country)
		}
		w.Counts(map[string]int{"customers": 1, "responses": 1, "cases": 1, "case_events": 1, "response_rules": 1})
	})

	t.Run("creates a response once out of 50 calls at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", func(r *model.Rule) {
			r.Recipients = []model.Recipient{{Kind: model.RecipientAddress, Address: new("boss@care.example")}}
		})
		outs := make([]*intake.SubmitResponsePayload, 50)
		worktest.AtOnce(len(outs), func(i int) {
			in := worktest.From("c-1", 2)
			in.ExternalID = new("r-1")
			var err error
			if outs[i], err = intake.New(w.Work).Submit(t.Context(), w.Agent, in); err != nil {
				t.Errorf("submit %d: %v", i, err)
			}
		})
		if t.Failed() {
			return
		}
		created := 0
		for _, out := range outs {
			if out.Created {
				created++
			}
			if out.Response.ID != outs[0].Response.ID || out.Case == nil || out.Case.ID != outs[0].Case.ID {
				t.Errorf("want the response and case of the first call, got %+v", out)
			}
		}
		if created != 1 {
			t.Errorf("calls that report a created response: want 1, got %d", created)
		}
		w.Counts(map[string]int{
			"customers": 1, "responses": 1, "cases": 1, "case_events": 1, "case_rules": 1, "response_rules": 1, "notifications": 1, "river_job": 1,
		})
		if n := w.Deadlocks.Load(); n != 0 {
			t.Errorf("deadlocks: want 0, got %d", n)
		}
	})
}

func TestSubmitAll(t *testing.T) {
	t.Parallel()
	t.Run("saves a batch as a whole without its bad items", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", nil)
		in := worktest.From("c-1", 3)
		in.ExternalID = new("r-1")
		batch := []intake.Submission{{SubmitResponseInput: in}, {SubmitResponseInput: worktest.From("c-2", 11)}, {SubmitResponseInput: in}, {SubmitResponseInput: worktest.From("c-1", 9)}}
		outcomes, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, batch, intake.SubmitOptions{})
		if err != nil || len(outcomes) != 4 {
			t.Fatalf("want 4 outcomes, got %d, %v", len(outcomes), err)
		}
		if o := outcomes[0]; o.Fault != nil || !o.Created || o.Case == nil {
			t.Errorf("the first item: want a created response with a case, got %+v", o)
		}
		if outcomes[1].SubmitResponsePayload != nil {
			t.Errorf("the invalid item: want no payload, got %+v", outcomes[1].Response)
		}
		worktest.Refused(t, "the invalid item", outcomes[1].Fault, fault.CodeBadUserInput, "score")
		if o := outcomes[2]; o.Fault != nil || o.Created || o.Response.ID != outcomes[0].Response.ID || o.Case.ID != outcomes[0].Case.ID {
			t.Errorf("the repeated item: want the first response and case, got %+v", o)
		}
		if o := outcomes[3]; o.Fault != nil || !o.Created || o.Response.CustomerID != outcomes[0].Response.CustomerID {
			t.Errorf("the last item: want a created response of the same customer, got %+v", o)
		}
		w.Counts(map[string]int{"customers": 1, "responses": 2, "cases": 2})
	})

	t.Run("can skip the rules or the mails", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		to := w.User("bo@care.example", model.Agent)
		w.Rule("all", func(r *model.Rule) {
			r.Strategy, r.UserID = model.ToUser, &to.ID
			r.Recipients = []model.Recipient{{Kind: model.RecipientAddress, Address: new("boss@care.example")}}
		})
		submit := func(o intake.SubmitOptions) *model.Case {
			t.Helper()
			return w.SubmitAll(o, intake.Submission{SubmitResponseInput: worktest.From("c-1", 3)})[0].Case
		}
		if c := submit(intake.SubmitOptions{SkipRules: true}); c != nil {
			t.Errorf("SkipRules: want no case, got %+v", c)
		}
		w.Counts(map[string]int{"responses": 1, "cases": 0, "response_rules": 0, "notifications": 0, "river_job": 0})
		if c := submit(intake.SubmitOptions{SkipNotify: true}); c == nil || *c.AssigneeID != to.ID {
			t.Errorf("SkipNotify: want a case assigned to %v, got %+v", to.ID, c)
		}
		w.Counts(map[string]int{"responses": 2, "cases": 1, "response_rules": 1, "notifications": 0, "river_job": 0})
		submit(intake.SubmitOptions{})
		w.Counts(map[string]int{"responses": 3, "cases": 2, "notifications": 2, "river_job": 2})
	})

	t.Run("accepts an empty batch", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		outcomes, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, nil, intake.SubmitOptions{})
		if err != nil || len(outcomes) != 0 {
			t.Errorf("want no outcomes and no error, got %v, %v", outcomes, err)
		}
	})
}
