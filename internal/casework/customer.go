package casework

import (
	"maps"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// newcomer is the customer that a submission tells of for the first time.
func (s *prepared) newcomer(now time.Time) *model.Customer {
	c := &model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Attributes: map[string]string{}, CreatedAt: now}
	s.Customer.fill(c)
	c.LastResponseAt = &s.respondedAt
	if s.NameKey != "" && s.Customer.ExternalID == nil && c.Email == nil {
		c.NameKey = &s.NameKey
	}
	c.Fold()
	return c
}

// renew gives the customer as the submission makes them, and what it changed; nil where that is nothing. Given fields
// replace the stored ones, unless the response is older than the customer's newest.
func (s *prepared) renew(was *model.Customer) (now *model.Customer, changed *CustomerChange) {
	c := *was
	c.Attributes = maps.Clone(was.Attributes)
	newest := was.LastResponseAt == nil || !s.respondedAt.Before(*was.LastResponseAt)
	if newest {
		s.Customer.fill(&c)
		c.LastResponseAt = &s.respondedAt
	}
	if c.ExternalID == nil && s.Customer.ExternalID != nil { // found by e-mail: from now on known by its id
		c.ExternalID = s.Customer.ExternalID
	}
	changed = NewCustomerChange(was, &c)
	if !newest && changed == nil {
		return was, nil
	}
	c.Fold()
	return &c, changed
}

func saveCustomers(tx *gorm.DB, customers ...*model.Customer) error {
	rows := make([]*model.CustomerRow, len(customers))
	for i, c := range customers {
		rows[i] = c.Row()
	}
	return pg.WrapErr("write customers", pg.Update(tx, rows, pg.But("number", "name_key", "created_at")))
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
