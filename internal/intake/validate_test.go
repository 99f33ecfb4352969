package intake_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	t.Run("refuses a bad response and names the path", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		long := strings.Repeat("ß", 501)
		ofCustomer := func(change func(*customer.CustomerInput)) func(*intake.SubmitResponseInput) {
			return func(in *intake.SubmitResponseInput) { change(in.Customer) }
		}
		attributes := func(n int, key, value string) (list []*customer.AttributeInput) {
			for range n {
				list = append(list, &customer.AttributeInput{Key: key, Value: value})
			}
			return list
		}
		for name, c := range map[string]struct {
			argument string
			change   func(*intake.SubmitResponseInput)
		}{
			"a score of 11":                {"input.score", func(in *intake.SubmitResponseInput) { in.Score = 11 }},
			"a score below 0":              {"input.score", func(in *intake.SubmitResponseInput) { in.Score = -1 }},
			"a response in the future":     {"input.respondedAt", func(in *intake.SubmitResponseInput) { in.RespondedAt = new(worktest.Start.Add(24*time.Hour + 1)) }},
			"a likelihood above 1":         {"input.testimonialLikelihood", func(in *intake.SubmitResponseInput) { in.TestimonialLikelihood = new(1.01) }},
			"a likelihood below 0":         {"input.testimonialLikelihood", func(in *intake.SubmitResponseInput) { in.TestimonialLikelihood = new(-0.01) }},
			"a likelihood that is NaN":     {"input.testimonialLikelihood", func(in *intake.SubmitResponseInput) { in.TestimonialLikelihood = new(math.NaN()) }},
			"a blank id":                   {"input.externalId", func(in *intake.SubmitResponseInput) { in.ExternalID = new(" ") }},
			"an empty id":                  {"input.externalId", func(in *intake.SubmitResponseInput) { in.ExternalID = new("") }},
			"a long id":                    {"input.externalId", func(in *intake.SubmitResponseInput) { in.ExternalID = &long }},
			"a long survey":                {"input.survey", func(in *intake.SubmitResponseInput) { in.Survey = &long }},
			"a comment that is too long":   {"input.comment", func(in *intake.SubmitResponseInput) { in.Comment = new(strings.Repeat("a", 100_001)) }},
			"a comment with a NUL":         {"input.comment", func(in *intake.SubmitResponseInput) { in.Comment = new("a\x00b") }},
			"a long driver":                {"input.drivers[1]", func(in *intake.SubmitResponseInput) { in.Drivers = []string{"price", long} }},
			"a driver that is not UTF-8":   {"input.drivers[0]", func(in *intake.SubmitResponseInput) { in.Drivers = []string{"\xff"} }},
			"too many drivers":             {"input.drivers", func(in *intake.SubmitResponseInput) { in.Drivers = make([]string, 101) }},
			"too many attributes":          {"input.attributes", func(in *intake.SubmitResponseInput) { in.Attributes = attributes(201, "k", "v") }},
			"an attribute without a key":   {"input.attributes[0].key", func(in *intake.SubmitResponseInput) { in.Attributes = attributes(1, " ", "v") }},
			"an attribute with a long key": {"input.attributes[0].key", func(in *intake.SubmitResponseInput) { in.Attributes = attributes(1, long, "v") }},
			"an attribute with a long value": {"input.attributes[0].value", func(in *intake.SubmitResponseInput) {
				in.Attributes = attributes(1, "k", strings.Repeat("a", 100_001))
			}},
			"an attribute with a NUL": {"input.attributes[0].value", func(in *intake.SubmitResponseInput) { in.Attributes = attributes(1, "k", "\x00") }},

			"a customer's blank id":              {"input.customer.externalId", ofCustomer(func(c *customer.CustomerInput) { c.ExternalID = new("\t") })},
			"a customer's long id":               {"input.customer.externalId", ofCustomer(func(c *customer.CustomerInput) { c.ExternalID = &long })},
			"an invalid address":                 {"input.customer.email", ofCustomer(func(c *customer.CustomerInput) { c.Email = worktest.Given("ana") })},
			"an invalid account manager address": {"input.customer.accountManagerEmail", ofCustomer(func(c *customer.CustomerInput) { c.AccountManagerEmail = worktest.Given("Ana <a@b>c>") })},
			"an invalid agent address":           {"input.customer.agentEmail", ofCustomer(func(c *customer.CustomerInput) { c.AgentEmail = worktest.Given("@") })},
			"an unknown country":                 {"input.customer.country", ofCustomer(func(c *customer.CustomerInput) { c.Country = worktest.Given("Atlantis") })},
			"a long first name":                  {"input.customer.firstName", ofCustomer(func(c *customer.CustomerInput) { c.FirstName = worktest.Given(long) })},
			"a long last name":                   {"input.customer.lastName", ofCustomer(func(c *customer.CustomerInput) { c.LastName = worktest.Given(long) })},
			"a long phone number":                {"input.customer.phone", ofCustomer(func(c *customer.CustomerInput) { c.Phone = worktest.Given(long) })},
			"a company that is not UTF-8":        {"input.customer.company", ofCustomer(func(c *customer.CustomerInput) { c.Company = worktest.Given("a\xff") })},
			"a segment with a NUL":               {"input.customer.segment", ofCustomer(func(c *customer.CustomerInput) { c.Segment = worktest.Given("a\x00") })},
			"a customer attribute without a key": {"input.customer.attributes[0].key", ofCustomer(func(c *customer.CustomerInput) { c.Attributes = attributes(1, "", "v") })},
		} {
			in := worktest.From("c-1", 5)
			c.change(&in)
			out, err := intake.New(w.Work).Submit(t.Context(), w.Agent, in)
			worktest.Refused(t, name, err, fault.CodeBadUserInput, c.argument)
			if out != nil {
				t.Errorf("%s: want no payload, got %+v", name, out)
			}
		}
		w.Counts(map[string]int{"customers": 0, "responses": 0})
	})

	t.Run("accepts values at the bounds", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		long := strings.Repeat("ß", 500) // the limits count characters, not bytes
		ahead := worktest.Start.Add(24 * time.Hour)
		in := intake.SubmitResponseInput{
			ExternalID: &long, Score: 10, RespondedAt: &ahead, TestimonialLikelihood: new(1.0), Survey: &long, Comment: new(strings.Repeat("é", 100_000)),
			Drivers: append(make([]string, 99), long), Attributes: []*customer.AttributeInput{{Key: long, Value: strings.Repeat("é", 100_000)}},
			Customer: &customer.CustomerInput{ExternalID: &long, Company: worktest.Given(long), FirstName: worktest.Given(long)},
		}
		r := worktest.Read[model.Response](w.T, w.DB, w.Submit(in).Response.ID)
		if !r.RespondedAt.Equal(ahead) || *r.Survey != long || len(r.Drivers) != 1 || r.Attributes[long] != strings.Repeat("é", 100_000) {
			t.Errorf("the stored response differs from the input: survey %q, %d drivers", *r.Survey, len(r.Drivers))
		}
		w.Submit(intake.SubmitResponseInput{Score: 0, TestimonialLikelihood: new(0.0)})
	})

	t.Run("keeps times in microseconds", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		responded := time.Date(2026, 3, 1, 23, 30, 0, 123_456_789, time.FixedZone("", -3*3600))
		out := w.Submit(intake.SubmitResponseInput{Score: 5, RespondedAt: &responded})
		want := time.Date(2026, 3, 2, 2, 30, 0, 123_456_000, time.UTC)
		if !out.Response.RespondedAt.Equal(want) || !worktest.Read[model.Response](w.T, w.DB, out.Response.ID).RespondedAt.Equal(want) {
			t.Errorf("respondedAt: want %v, got %v in the payload and %v in the database", want, out.Response.RespondedAt, worktest.Read[model.Response](w.T, w.DB, out.Response.ID).RespondedAt)
		}
	})

	t.Run("does not change the input", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		in := intake.SubmitResponseInput{
			ExternalID: new(" r-1 "), Score: 5, Comment: new(" "), Drivers: []string{" a "},
			Customer: &customer.CustomerInput{ExternalID: new(" c-1 "), Country: worktest.Given("brazil"), FirstName: worktest.Given(" ")},
		}
		w.Submit(in)
		country, first := in.Customer.Country, in.Customer.FirstName
		if *in.ExternalID != " r-1 " || *in.Comment != " " || in.Drivers[0] != " a " || *in.Customer.ExternalID != " c-1 " || *country.Value() != "brazil" || *first.Value() != " " {
			t.Errorf("the input has changed: %+v %+v", in, in.Customer)
		}
	})

	t.Run("takes a country by code or by name", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for given, want := range map[string]string{"BR": "BR", " br ": "BR", "BRA": "BR", "Brazil": "BR", "the Netherlands": "NL"} {
			r := w.Submit(intake.SubmitResponseInput{Score: 5, Customer: &customer.CustomerInput{Country: graphql.OmittableOf(&given)}}).Response
			if r.Country == nil || *r.Country != want {
				t.Errorf("country of %q: want %s, got %v", given, want, r.Country)
			}
		}
	})
}
