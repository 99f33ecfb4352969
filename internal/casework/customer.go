package casework

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
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
func (s *prepared) renew(was *model.Customer) (now *model.Customer, changed *change) {
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
	fields := differences(was, &c)
	if !newest && len(fields) == 0 {
		return was, nil
	}
	c.Fold()
	if len(fields) > 0 {
		changed = &change{was: was, now: &c, fields: fields}
	}
	return &c, changed
}

func writeCustomers(tx *gorm.DB, customers ...*model.Customer) error {
	rows := make([]*model.CustomerRow, len(customers))
	for i, c := range customers {
		rows[i] = c.Row()
	}
	return pg.WrapErr("write customers", pg.Update(tx, rows, pg.But("number", "name_key", "created_at")))
}

// change is what a submission changed of a customer who was known before.
type change struct {
	was, now *model.Customer
	fields   []string
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

// differences names the fields of the customer that filters can look at and that are not the same.
func differences(a, b *model.Customer) []string {
	var names []string
	text := func(name string, x, y *string) {
		if (x == nil) != (y == nil) || (x != nil && *x != *y) {
			names = append(names, "customer."+name)
		}
	}
	text("externalId", a.ExternalID, b.ExternalID)
	text("firstName", a.FirstName, b.FirstName)
	text("lastName", a.LastName, b.LastName)
	text("email", a.Email, b.Email)
	text("phone", a.Phone, b.Phone)
	text("company", a.Company, b.Company)
	text("country", a.Country, b.Country)
	text("segment", a.Segment, b.Segment)
	if !sameDecimal(a.LifetimeValue, b.LifetimeValue) {
		names = append(names, "customer.lifetimeValue")
	}
	text("accountManagerEmail", a.AccountManagerEmail, b.AccountManagerEmail)
	text("agentEmail", a.AgentEmail, b.AgentEmail)
	for name, times := range map[string][2]*time.Time{"lastContactedAt": {a.LastContactedAt, b.LastContactedAt}, "nextSurveyAt": {a.NextSurveyAt, b.NextSurveyAt}} {
		if x, y := times[0], times[1]; (x == nil) != (y == nil) || (x != nil && !x.Equal(*y)) {
			names = append(names, "customer."+name)
		}
	}
	if !maps.Equal(a.Attributes, b.Attributes) {
		names = append(names, "customer.attributes")
	}
	slices.Sort(names)
	return names
}

func sameDecimal(a, b *decimal.Decimal) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Equal(*b))
}

// spread carries a customer's new data to the copies on their responses and cases, and says so in the log of each
// case, but for one.
func (ch *change) spread(tx *gorm.DB, now time.Time, by *model.UserID, but *model.Case) error {
	if err := copyToResponses(tx, ch.now); err != nil {
		return err
	}
	cases, err := holdCasesOf(tx, []model.CustomerID{ch.now.ID})
	if err != nil {
		return err
	}
	cases = slices.DeleteFunc(cases, func(h *held) bool { return but != nil && h.ID == but.ID })
	entries := make([]*event.Pending, len(cases))
	for i, h := range cases {
		entries[i] = event.Prepare(ch.turn(h, now, by))
	}
	if err := writeCases(tx, cases...); err != nil {
		return err
	}
	return event.Write(tx, entries)
}

// turn has a case follow its customer.
func (ch *change) turn(h *held, now time.Time, by *model.UserID) event.Entry {
	h.Customer = ch.was // the row may be the new one already
	return h.turn(now, event.Entry{Type: model.EventDetailsChanged, Actor: by, Changed: ch.fields}, func() {
		h.Customer = ch.now
		h.CopyCustomer(ch.now)
	})
}

// sameCopies tells whether the copies on responses are the same of both.
func sameCopies(a, b *model.Customer) bool {
	return model.Same(a.Country, b.Country) && model.Same(a.CompanyFold, b.CompanyFold) && model.Same(a.SegmentFold, b.SegmentFold) &&
		sameDecimal(a.LifetimeValue, b.LifetimeValue)
}

// copyToResponses renews the copies on the responses of customers.
func copyToResponses(tx *gorm.DB, customers ...*model.Customer) error {
	if len(customers) == 0 {
		return nil
	}
	ids := make([]model.CustomerID, len(customers))
	countries, companies := make([]*string, len(customers)), make([]*string, len(customers))
	segments, values := make([]*string, len(customers)), make([]*string, len(customers))
	for i, c := range customers {
		ids[i], countries[i], companies[i], segments[i] = c.ID, c.Country, c.CompanyFold, c.SegmentFold
		if c.LifetimeValue != nil {
			values[i] = new(c.LifetimeValue.String())
		}
	}
	err := tx.Exec(`UPDATE responses r SET country = c.country, company_fold = c.company, segment_fold = c.segment, lifetime_value = CAST(c.value AS numeric)
		FROM unnest(CAST(? AS uuid[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[])) AS c(id, country, company, segment, value)
		WHERE ? AND r.customer_id = c.id AND (r.country, r.company_fold, r.segment_fold, r.lifetime_value)
			IS DISTINCT FROM (c.country, c.company, c.segment, CAST(c.value AS numeric))`,
		pg.Array(model.UUIDs(ids)), pg.Array(countries), pg.Array(companies), pg.Array(segments), pg.Array(values), pg.In("r.customer_id", ids)).Error
	return pg.WrapErr("copy customers to responses", err)
}

// holdCasesOf locks the cases of customers and reads them.
func holdCasesOf(tx *gorm.DB, customers []model.CustomerID) ([]*held, error) {
	var ids []model.CaseID
	err := tx.Raw("SELECT id FROM cases WHERE ? ORDER BY id", pg.In("customer_id", customers)).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("find customers' cases: %w", err)
	}
	return holdAll(tx, ids)
}
