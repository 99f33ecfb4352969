package source

import (
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"
	"github.com/tidwall/gjson"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
)

// required are the fields without which a delivery is no response. Without the id a repeat would be another response.
var required = []string{"externalId", "score"}

// field is a field of a response that a mapping may name.
type field struct {
	many bool // it takes several values
	// set sets the field to the values, of which there is at least one, and returns what was understood.
	set func(in *intake.SubmitResponseInput, values []gjson.Result) (shown string, err error)
}

// fieldOf finds a field by its name in SubmitResponseInput. attributes.NAME is one attribute.
func fieldOf(name string) (field, bool) {
	if key, ok := strings.CutPrefix(name, "attributes."); ok && strings.TrimSpace(key) != "" {
		return attribute(key, ofResponse), true
	}
	if key, ok := strings.CutPrefix(name, "customer.attributes."); ok && strings.TrimSpace(key) != "" {
		return attribute(key, ofCustomer), true
	}
	f, ok := fields[name]
	return f, ok
}

// fieldNames are the fields that a mapping may name, sorted.
func fieldNames() []string {
	names := []string{"attributes.NAME", "customer.attributes.NAME"}
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type attributes = func(*intake.SubmitResponseInput) *[]*customer.AttributeInput

func ofResponse(in *intake.SubmitResponseInput) *[]*customer.AttributeInput { return &in.Attributes }
func ofCustomer(in *intake.SubmitResponseInput) *[]*customer.AttributeInput {
	return &in.Customer.Attributes
}

var fields = map[string]field{
	"externalId":            optional(func(in *intake.SubmitResponseInput, s string) { in.ExternalID = &s }),
	"survey":                optional(func(in *intake.SubmitResponseInput, s string) { in.Survey = &s }),
	"score":                 one(score, func(in *intake.SubmitResponseInput, n int) { in.Score = n }),
	"respondedAt":           one(moment, func(in *intake.SubmitResponseInput, t timestamp) { in.RespondedAt = &t.Time }),
	"contactRequested":      one(truth, func(in *intake.SubmitResponseInput, b bool) { in.ContactRequested = &b }),
	"quoteConsent":          one(truth, func(in *intake.SubmitResponseInput, b bool) { in.QuoteConsent = &b }),
	"testimonialLikelihood": one(fraction, func(in *intake.SubmitResponseInput, f float64) { in.TestimonialLikelihood = &f }),
	"comment": texts("\n\n", func(in *intake.SubmitResponseInput, list []string) {
		joined := strings.Join(list, "\n\n")
		in.Comment = &joined
	}),
	"drivers":    texts(", ", func(in *intake.SubmitResponseInput, list []string) { in.Drivers = list }),
	"attributes": object(ofResponse),

	"customer.externalId":          optional(func(in *intake.SubmitResponseInput, s string) { in.Customer.ExternalID = &s }),
	"customer.name":                optional(setName),
	"customer.firstName":           optional(func(in *intake.SubmitResponseInput, s string) { in.Customer.FirstName = given(s) }),
	"customer.lastName":            optional(func(in *intake.SubmitResponseInput, s string) { in.Customer.LastName = given(s) }),
	"customer.email":               optional(func(in *intake.SubmitResponseInput, s string) { in.Customer.Email = given(s) }),
	"customer.phone":               optional(func(in *intake.SubmitResponseInput, s string) { in.Customer.Phone = given(s) }),
	"customer.company":             optional(func(in *intake.SubmitResponseInput, s string) { in.Customer.Company = given(s) }),
	"customer.country":             optional(func(in *intake.SubmitResponseInput, s string) { in.Customer.Country = given(s) }),
	"customer.segment":             optional(func(in *intake.SubmitResponseInput, s string) { in.Customer.Segment = given(s) }),
	"customer.accountManagerEmail": optional(func(in *intake.SubmitResponseInput, s string) { in.Customer.AccountManagerEmail = given(s) }),
	"customer.agentEmail":          optional(func(in *intake.SubmitResponseInput, s string) { in.Customer.AgentEmail = given(s) }),
	"customer.lifetimeValue": one(amount, func(in *intake.SubmitResponseInput, d decimal.Decimal) {
		in.Customer.LifetimeValue = graphql.OmittableOf(&d)
	}),
	"customer.attributes": object(ofCustomer),
}

func given(s string) graphql.Omittable[*string] { return graphql.OmittableOf(&s) }

// setName takes the last word of a whole name for the last name. firstName and lastName count before it.
func setName(in *intake.SubmitResponseInput, name string) {
	words := strings.Fields(name)
	first, last := strings.Join(words[:len(words)-1], " "), words[len(words)-1]
	if first == "" {
		first, last = last, ""
	}
	if !in.Customer.FirstName.IsSet() {
		in.Customer.FirstName = given(first)
	}
	if !in.Customer.LastName.IsSet() && last != "" {
		in.Customer.LastName = given(last)
	}
}

// optional is a field of one text.
func optional(set func(in *intake.SubmitResponseInput, s string)) field { return one(asText, set) }

// one is a field of one value, which read understands.
func one[T any](read func(gjson.Result) (T, string, error), set func(in *intake.SubmitResponseInput, v T)) field {
	return field{set: func(in *intake.SubmitResponseInput, values []gjson.Result) (string, error) {
		v, shown, err := read(values[0])
		if err == nil {
			set(in, v)
		}
		return shown, err
	}}
}

// texts is a field of several texts.
func texts(between string, set func(in *intake.SubmitResponseInput, list []string)) field {
	return field{many: true, set: func(in *intake.SubmitResponseInput, values []gjson.Result) (string, error) {
		list := make([]string, len(values))
		for i, v := range values {
			var err error
			if _, list[i], err = asText(v); err != nil {
				return "", err
			}
		}
		set(in, list)
		return strings.Join(list, between), nil
	}}
}

// attribute is one attribute. It counts before an object that has it too.
func attribute(key string, of attributes) field {
	return texts(", ", func(in *intake.SubmitResponseInput, list []string) {
		all := slices.DeleteFunc(*of(in), func(a *customer.AttributeInput) bool { return a.Key == key })
		*of(in) = append(all, &customer.AttributeInput{Key: key, Value: strings.Join(list, ", ")})
	})
}

// object is an object whose members are attributes.
func object(of attributes) field {
	return field{set: func(in *intake.SubmitResponseInput, values []gjson.Result) (string, error) {
		if !values[0].IsObject() {
			return "", unwanted(values[0], "an object, whose members become attributes,")
		}
		values[0].ForEach(func(key, v gjson.Result) bool {
			var parts []string
			for _, leaf := range leaves(nil, v) {
				parts = append(parts, leaf.String())
			}
			has := slices.ContainsFunc(*of(in), func(a *customer.AttributeInput) bool { return a.Key == key.Str })
			if !has && strings.TrimSpace(key.Str) != "" && len(parts) > 0 {
				*of(in) = append(*of(in), &customer.AttributeInput{Key: key.Str, Value: strings.Join(parts, ", ")})
			}
			return true
		})
		return values[0].Raw, nil
	}}
}
