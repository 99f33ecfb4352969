package casework

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/model"
)

// findOrMake gives the customer of a submission, locked: found by external id, else by e-mail where that belongs to
// no customer with another external id, else by name and country where an import knows no more, else made. Given
// fields replace the stored ones, unless the response is older than the customer's newest.
func findOrMake(tx *gorm.DB, now time.Time, viewer auth.Viewer, s *prepared) (customer *model.Customer, changed *change, err error) {
	customer, err = find(tx, s)
	if err != nil {
		return nil, nil, err
	}
	if customer == nil {
		customer = &model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Attributes: map[string]string{}, CreatedAt: now}
		s.fill(customer)
		customer.LastResponseAt = &s.respondedAt
		if s.NameKey != "" && s.Customer.ExternalID == nil && customer.Email == nil {
			customer.NameKey = &s.NameKey
		}
		row := customer.Row()
		if err := tx.Create(row).Error; err != nil {
			return nil, nil, fmt.Errorf("make a customer: %w", err)
		}
		return &row.Customer, nil, nil
	}
	seen, err := sees(tx.Model(&model.Customer{}).Where("id = ?", customer.ID).Where(viewer.Scope().Customers(now)), viewer)
	if err != nil {
		return nil, nil, err
	}
	if !seen {
		return nil, nil, outside()
	}

	was := *customer
	was.Attributes = maps.Clone(customer.Attributes)
	newest := customer.LastResponseAt == nil || !s.respondedAt.Before(*customer.LastResponseAt)
	if newest {
		s.fill(customer)
		customer.LastResponseAt = &s.respondedAt
	}
	if customer.ExternalID == nil && s.Customer.ExternalID != nil { // found by e-mail: from now on known by its id
		customer.ExternalID = s.Customer.ExternalID
	}
	fields := differences(&was, customer)
	if !newest && len(fields) == 0 {
		return customer, nil, nil
	}
	if err := writeCustomer(tx, customer); err != nil {
		return nil, nil, err
	}
	if len(fields) > 0 {
		changed = &change{was: &was, now: customer, fields: fields}
	}
	return customer, changed, nil
}

func writeCustomer(tx *gorm.DB, c *model.Customer) error {
	err := tx.Model(&model.CustomerRow{}).Where("id = ?", c.ID).Omit("ID", "Number", "CreatedAt", "NameKey").Select("*").Updates(c.Row()).Error
	if err != nil {
		return fmt.Errorf("write a customer: %w", err)
	}
	return nil
}

// change is what a submission changed of a customer who was known before.
type change struct {
	was, now *model.Customer
	fields   []string
}

// find looks the customer up and locks the row. Whoever else looks for the same identities waits for the advisory
// locks that the caller holds, so no second customer of one identity is made meanwhile.
func find(tx *gorm.DB, s *prepared) (*model.Customer, error) {
	if s.Customer.ExternalID != nil {
		if found, err := take(tx, "external_id = ?", *s.Customer.ExternalID); found != nil || err != nil {
			return found, err
		}
	}
	if email, _ := s.Customer.Email.ValueOK(); email != nil {
		condition := "email_fold = ?"
		if s.Customer.ExternalID != nil {
			condition += " AND external_id IS NULL"
		}
		if found, err := take(tx, condition, model.Fold(*email)); found != nil || err != nil {
			return found, err
		}
		return nil, nil
	}
	if s.Customer.ExternalID == nil && s.NameKey != "" {
		return take(tx, "name_key = ?", s.NameKey)
	}
	return nil, nil
}

func take(tx *gorm.DB, condition string, value any) (*model.Customer, error) {
	var c model.Customer
	// Where an address is shared, the customer without an external id comes first, then the oldest.
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where(condition, value).
		Order("external_id IS NOT NULL, id").Limit(1).Take(&c).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find a customer: %w", err)
	}
	return &c, nil
}

// fill sets the fields that the submission gives.
func (s *prepared) fill(c *model.Customer) {
	in := s.Customer
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
// case, but for the one that was just opened with it.
func (ch *change) spread(tx *gorm.DB, now time.Time, by *model.UserID, but *model.Case) error {
	c := ch.now
	err := tx.Exec(`UPDATE responses SET country = ?, company_fold = ?, segment_fold = ?, lifetime_value = ? WHERE customer_id = ?
		AND (country, company_fold, segment_fold, lifetime_value) IS DISTINCT FROM (?, ?, ?, CAST(? AS numeric))`,
		c.Country, c.CompanyFold, c.SegmentFold, c.LifetimeValue, c.ID, c.Country, c.CompanyFold, c.SegmentFold, c.LifetimeValue).Error
	if err != nil {
		return fmt.Errorf("copy a customer to responses: %w", err)
	}
	var ids []model.CaseID
	if err := tx.Raw("SELECT id FROM cases WHERE customer_id = ? ORDER BY id", c.ID).Scan(&ids).Error; err != nil {
		return fmt.Errorf("find a customer's cases: %w", err)
	}
	for _, id := range ids {
		if but != nil && id == but.ID {
			continue
		}
		h, err := hold(tx, id, nil)
		if err != nil {
			return err
		}
		h.Customer = ch.was // the row is the new one already
		_, err = h.change(tx, now, event.Entry{Type: model.EventDetailsChanged, Actor: by, Changed: ch.fields}, func() {
			h.Customer = c
			h.CopyCustomer(c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
