package casework

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/country"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/text"
	"github.com/closeloop/closeloop/model"
)

const (
	commentMax    = 100_000 // characters
	attributesMax = 200
	driversMax    = 100
)

// prepared is a submission that has been checked and put in order.
type prepared struct {
	Submission
	respondedAt time.Time
	drivers     []string
	attributes  map[string]string
}

// prepare checks what can be checked without looking anything up. The submission itself is not touched.
func prepare(s Submission, now time.Time) (*prepared, error) {
	if s.Customer == nil {
		s.Customer = &CustomerInput{}
	}
	c := *s.Customer
	p := &prepared{Submission: s, respondedAt: now, drivers: []string{}}
	p.Customer = &c
	if s.Score < 0 || s.Score > 10 {
		return nil, fault.Input("score", "a score is from 0 to 10, not %d", s.Score)
	}
	if s.RespondedAt != nil {
		if s.RespondedAt.After(now.Add(24 * time.Hour)) {
			return nil, fault.Input("respondedAt", "more than a day ahead of now")
		}
		p.respondedAt = pg.Timestamp(*s.RespondedAt)
	}
	if l := s.TestimonialLikelihood; l != nil && (math.IsNaN(*l) || *l < 0 || *l > 1) {
		return nil, fault.Input("testimonialLikelihood", "a likelihood is from 0 to 1")
	}
	for _, err := range []error{
		text.Identity("externalId", &p.ExternalID), text.Optional("survey", &p.Survey), checkComment(&p.Comment),
		p.readDrivers(), p.readAttributes(), fault.WithPath("customer", checkCustomer(&c)),
	} {
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func checkComment(c **string) error {
	if *c == nil {
		return nil
	}
	if strings.TrimSpace(**c) == "" {
		*c = nil
		return nil
	}
	if utf8.RuneCountInString(**c) > commentMax {
		return fault.Input("comment", "a comment has %d characters at most", commentMax)
	}
	return text.Storable("comment", **c)
}

func (p *prepared) readDrivers() error {
	if len(p.Drivers) > driversMax {
		return fault.Input("drivers", "%d drivers at most", driversMax)
	}
	for _, d := range p.Drivers {
		if d = strings.TrimSpace(d); d == "" {
			continue
		}
		if err := text.Short("drivers", d); err != nil {
			return err
		}
		p.drivers = append(p.drivers, d)
	}
	return nil
}

func (p *prepared) readAttributes() (err error) {
	p.attributes = make(map[string]string, len(p.Attributes))
	err = checkAttributes(p.Attributes)
	for _, a := range p.Attributes {
		p.attributes[a.Key] = a.Value
	}
	return err
}

func checkAttributes(list []*AttributeInput) error {
	if len(list) > attributesMax {
		return fault.Input("attributes", "%d attributes at most", attributesMax)
	}
	for _, a := range list {
		switch {
		case strings.TrimSpace(a.Key) == "":
			return fault.Input("attributes", "an attribute has a key")
		case utf8.RuneCountInString(a.Value) > commentMax:
			return fault.Input("attributes", "an attribute has %d characters at most", commentMax)
		}
		if err := text.Short("attributes", a.Key); err != nil {
			return err
		}
		if err := text.Storable("attributes", a.Value); err != nil {
			return err
		}
	}
	return nil
}

func checkCustomer(c *CustomerInput) error {
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
			return err
		}
		if trimmed == "" { // an empty text is none
			*f.value = graphql.OmittableOf[*string](nil)
			continue
		}
		if f.check != nil {
			var err error
			if trimmed, err = f.check(trimmed); err != nil {
				return fault.Input(f.name, "%s", err.Error())
			}
		}
		*f.value = graphql.OmittableOf(&trimmed)
	}
	if err := text.Identity("externalId", &c.ExternalID); err != nil {
		return err
	}
	return checkAttributes(c.Attributes)
}

func address(s string) (string, error) { return model.UnmarshalEmailAddress(s) }

func code(s string) (string, error) {
	if c, ok := country.Parse(s); ok {
		return c, nil
	}
	return "", fault.New(fault.CodeBadUserInput, "%q is neither an ISO 3166-1 code nor the English name of a country", s)
}
