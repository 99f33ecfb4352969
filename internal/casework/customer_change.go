package casework

import (
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// CustomerChange is the difference that a write made to an existing customer.
type CustomerChange struct {
	Was, Now *model.Customer
	Fields   []string
}

// NewCustomerChange compares a customer before and after a write. It is nil when the fields that filters read are the
// same.
func NewCustomerChange(was, now *model.Customer) *CustomerChange {
	fields := differences(was, now)
	if len(fields) == 0 {
		return nil
	}
	return &CustomerChange{Was: was, Now: now, Fields: fields}
}

// differences returns the names of the fields that differ between two customers. It compares only fields that filters read.
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

// Propagate writes a customer's new data to the copies on the customer's responses and cases, and records an event on
// each of the customer's cases.
func (ch *CustomerChange) Propagate(tx *gorm.DB, now time.Time, by *model.UserID) error {
	if err := CopyToResponses(tx, ch.Now); err != nil {
		return err
	}
	cases, err := LockCasesOf(tx, []model.CustomerID{ch.Now.ID})
	if err != nil {
		return err
	}
	entries := make([]*event.Pending, len(cases))
	for i, c := range cases {
		entries[i] = event.Prepare(ch.Apply(c, now, by))
	}
	p := pg.NewPipeline(tx)
	SaveCases(p, cases...)
	if err := event.Add(p, entries); err != nil {
		return err
	}
	return p.Later()
}

// Apply updates a case's copy of its customer, and returns the event.
func (ch *CustomerChange) Apply(c *LockedCase, now time.Time, by *model.UserID) event.Entry {
	c.Customer = ch.Was // the row may have been updated already
	return c.Apply(now, event.Entry{Type: model.EventDetailsChanged, Actor: by, Changed: ch.Fields}, func() {
		c.Customer = ch.Now
		c.CopyCustomer(ch.Now)
	})
}

// SameCopies reports whether both customers have the same copies on responses.
func SameCopies(a, b *model.Customer) bool {
	return model.Same(a.Country, b.Country) && model.Same(a.CompanyFold, b.CompanyFold) && model.Same(a.SegmentFold, b.SegmentFold) &&
		sameDecimal(a.LifetimeValue, b.LifetimeValue)
}

// CopyToResponses updates the copies on the customers' responses. The transaction sends it later (pg.Later).
func CopyToResponses(tx *gorm.DB, customers ...*model.Customer) error {
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
	copied := tx.Session(&gorm.Session{DryRun: true}).Exec(`UPDATE responses r SET country = c.country, company_fold = c.company, segment_fold = c.segment, lifetime_value = CAST(c.value AS numeric)
		FROM unnest(CAST(? AS uuid[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[])) AS c(id, country, company, segment, value)
		WHERE ? AND r.customer_id = c.id AND (r.country, r.company_fold, r.segment_fold, r.lifetime_value)
			IS DISTINCT FROM (c.country, c.company, c.segment, CAST(c.value AS numeric))`,
		pg.Array(model.UUIDs(ids)), pg.Array(countries), pg.Array(companies), pg.Array(segments), pg.Array(values), pg.In("r.customer_id", ids)).Statement
	return pg.Later(tx, func(p *pg.Pipeline) { p.Exec("copy customers to responses", copied.SQL.String(), copied.Vars...) })
}
