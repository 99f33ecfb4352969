// Package customer owns customers: finding the customer of a response by an identity, merging the response's data into the
// stored data, and changes by hand.
//
// It does not write cases; package casework applies a CustomerChange to their copies and histories.
package customer

import (
	"maps"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Mention is the customer data of a response.
type Mention struct {
	Given       *CustomerInput
	RespondedAt time.Time

	identity
}

// NewMention returns the mention of a customer by checked data. nameKey and by are those of intake.Submission.
func NewMention(given *CustomerInput, nameKey string, by []model.CustomerIdentity, respondedAt time.Time) Mention {
	return Mention{Given: given, RespondedAt: respondedAt, identity: given.identity(nameKey, by)}
}

// NewCustomer returns a new customer with the data of the mention.
func (m *Mention) NewCustomer(now time.Time) *model.Customer {
	c := &model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Attributes: map[string]string{}, CreatedAt: now}
	m.Given.fill(c)
	c.LastResponseAt = &m.RespondedAt
	if m.name != "" {
		c.NameKey = &m.name
	}
	c.Fold()
	return c
}

// Merge returns the customer with the data of the mention, and the change, which is nil if no field changed. Given fields
// replace the stored ones, unless the response is older than the customer's newest response.
func (m *Mention) Merge(was *model.Customer) (merged *model.Customer, changed *casework.CustomerChange) {
	c := *was
	c.Attributes = maps.Clone(was.Attributes)
	newest := was.LastResponseAt == nil || !m.RespondedAt.Before(*was.LastResponseAt)
	if newest {
		m.Given.fill(&c)
		c.LastResponseAt = &m.RespondedAt
	}
	if c.ExternalID == nil && m.Given.ExternalID != nil { // found by e-mail address: add the external id
		c.ExternalID = m.Given.ExternalID
	}
	changed = casework.NewCustomerChange(was, &c)
	if !newest && changed == nil {
		return was, nil
	}
	c.Fold()
	return &c, changed
}

// Complete returns the customer with what the mention gives and the customer lacks, and the change, which is nil if nothing
// was lacking. Nothing that is stored is replaced.
func (m *Mention) Complete(was *model.Customer) (completed *model.Customer, changed *casework.CustomerChange) {
	given := &model.Customer{Attributes: map[string]string{}}
	m.Given.fill(given)
	c := *was
	for _, f := range []struct{ stored, given **string }{
		{&c.ExternalID, &given.ExternalID}, {&c.FirstName, &given.FirstName}, {&c.LastName, &given.LastName}, {&c.Email, &given.Email}, {&c.Phone, &given.Phone},
		{&c.Company, &given.Company}, {&c.Country, &given.Country}, {&c.Segment, &given.Segment},
		{&c.AccountManagerEmail, &given.AccountManagerEmail}, {&c.AgentEmail, &given.AgentEmail},
	} {
		if *f.stored == nil {
			*f.stored = *f.given
		}
	}
	if c.LifetimeValue == nil {
		c.LifetimeValue = given.LifetimeValue
	}
	maps.Copy(given.Attributes, was.Attributes)
	c.Attributes = given.Attributes
	if changed = casework.NewCustomerChange(was, &c); changed == nil {
		return was, nil
	}
	c.Fold()
	return &c, changed
}

// SaveLastResponse writes the time of the newest response of customers whose other data did not change. The index entries
// of their rows stay as they are.
func SaveLastResponse(p *pg.Pipeline, customers []*model.Customer) {
	pg.AddUpdate(p, "write customers' last responses", customers, pg.Only("last_response_at"))
}

// Save updates the rows of stored customers.
func Save(tx *gorm.DB, customers ...*model.Customer) error {
	rows := make([]*model.CustomerRow, len(customers))
	for i, c := range customers {
		rows[i] = c.Row()
	}
	return pg.Later(tx, func(p *pg.Pipeline) {
		pg.AddUpdate(p, "update customers", rows, pg.Except("number", "name_key", "created_at"))
	})
}

// fill sets the fields that the input gives.
func (in *CustomerInput) fill(c *model.Customer) {
	if in.ExternalID != nil {
		c.ExternalID = in.ExternalID
	}
	set(&c.FirstName, in.FirstName)
	set(&c.LastName, in.LastName)
	set(&c.Email, in.Email)
	set(&c.Phone, in.Phone)
	set(&c.Company, in.Company)
	set(&c.Country, in.Country)
	set(&c.Segment, in.Segment)
	set(&c.LifetimeValue, in.LifetimeValue)
	set(&c.AccountManagerEmail, in.AccountManagerEmail)
	set(&c.AgentEmail, in.AgentEmail)
	for _, a := range in.Attributes {
		c.Attributes[a.Key] = a.Value
	}
}

func set[T any](field *T, given graphql.Omittable[T]) {
	if v, ok := given.ValueOK(); ok {
		*field = v
	}
}
