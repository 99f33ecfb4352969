package customer

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/country"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/text"
	"github.com/closeloop/closeloop/model"
)

const (
	attributesMax = 200
	attributeMax  = 100_000 // characters
)

// AttributeInput is one additional column of the data feed.
type AttributeInput struct {
	Key   string
	Value string
}

// CustomerInput is the customer of a response. An absent field keeps its value; nil clears it.
type CustomerInput struct {
	ExternalID          *string
	FirstName           graphql.Omittable[*string]          `json:",omitzero"` // omitzero: idempotency compares the JSON, where an absent field must differ from null
	LastName            graphql.Omittable[*string]          `json:",omitzero"`
	Email               graphql.Omittable[*string]          `json:",omitzero"`
	Phone               graphql.Omittable[*string]          `json:",omitzero"`
	Company             graphql.Omittable[*string]          `json:",omitzero"`
	Country             graphql.Omittable[*string]          `json:",omitzero"` // ISO 3166-1 code or English name
	Segment             graphql.Omittable[*string]          `json:",omitzero"`
	LifetimeValue       graphql.Omittable[*decimal.Decimal] `json:",omitzero"`
	AccountManagerEmail graphql.Omittable[*string]          `json:",omitzero"`
	AgentEmail          graphql.Omittable[*string]          `json:",omitzero"`
	Attributes          []*AttributeInput
}

// CheckAttributes returns the faults of all attributes of a customer or a response.
func CheckAttributes(list []*AttributeInput) error {
	if len(list) > attributesMax {
		return fault.Input("attributes", "at most %d attributes", attributesMax)
	}
	var faults []error
	for i, a := range list {
		key, value := fmt.Sprintf("attributes[%d].key", i), fmt.Sprintf("attributes[%d].value", i)
		if strings.TrimSpace(a.Key) == "" {
			faults = append(faults, fault.Input(key, "an attribute needs a key"))
		} else {
			faults = append(faults, text.Short(key, a.Key))
		}
		if utf8.RuneCountInString(a.Value) > attributeMax {
			faults = append(faults, fault.Input(value, "an attribute must not be longer than %d characters", attributeMax))
		} else {
			faults = append(faults, text.Storable(value, a.Value))
		}
	}
	return fault.Join(faults...)
}

// Check trims the given fields, in place, and returns the faults of all values that cannot be stored.
func (c *CustomerInput) Check() error {
	var faults []error
	for _, f := range []struct {
		name  string
		value *graphql.Omittable[*string]
		check func(string) (string, error)
	}{
		{"firstName", &c.FirstName, nil}, {"lastName", &c.LastName, nil}, {"phone", &c.Phone, nil},
		{"company", &c.Company, nil}, {"segment", &c.Segment, nil},
		{"email", &c.Email, address}, {"accountManagerEmail", &c.AccountManagerEmail, address}, {"agentEmail", &c.AgentEmail, address},
		{"country", &c.Country, code},
	} {
		v, ok := f.value.ValueOK()
		if !ok || v == nil {
			continue
		}
		trimmed := strings.TrimSpace(*v)
		if err := text.Short(f.name, trimmed); err != nil {
			faults = append(faults, err)
			continue
		}
		if trimmed == "" { // an empty text clears the field
			*f.value = graphql.OmittableOf[*string](nil)
			continue
		}
		if f.check != nil {
			var err error
			if trimmed, err = f.check(trimmed); err != nil {
				faults = append(faults, fault.Input(f.name, "%s", err.Error()))
				continue
			}
		}
		*f.value = graphql.OmittableOf(&trimmed)
	}
	return fault.Join(append(faults, text.Identity("externalId", &c.ExternalID), CheckAttributes(c.Attributes))...)
}

func address(s string) (string, error) { return model.UnmarshalEmailAddress(s) }

func code(s string) (string, error) {
	if c, ok := country.Parse(s); ok {
		return c, nil
	}
	return "", fault.New(fault.CodeBadUserInput, "%q is neither an ISO 3166-1 code nor the English name of a country", s)
}
