package casework

import (
	"context"
	"maps"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// UpdateCustomer changes a customer's data by hand, and tells the log of each of their cases. A later response may
// change them again.
func (w *Work) UpdateCustomer(ctx context.Context, viewer auth.Viewer, in UpdateCustomerInput) (*UpdateCustomerPayload, error) {
	given := &CustomerInput{
		FirstName: in.FirstName, LastName: in.LastName, Email: in.Email, Phone: in.Phone, Company: in.Company, Country: in.Country,
		Segment: in.Segment, LifetimeValue: in.LifetimeValue, AccountManagerEmail: in.AccountManagerEmail, AgentEmail: in.AgentEmail,
		Attributes: in.Attributes,
	}
	if err := checkCustomer(given); err != nil {
		return nil, fault.WithPath("input", err)
	}
	out := new(UpdateCustomerPayload)
	err := w.write(ctx, func(tx *gorm.DB, now time.Time) error {
		customer := new(model.Customer)
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", in.ID).Where(viewer.Scope().Customers(now)).Take(customer).Error
		if err != nil {
			return missing(err, "input.id", "customer")
		}
		if customer.ErasedAt != nil {
			return errErased("input.id")
		}
		was := *customer
		was.Attributes = maps.Clone(customer.Attributes)
		given.fill(customer)
		set(&customer.NextSurveyAt, in.NextSurveyAt)
		out.Customer = customer
		fields := differences(&was, customer)
		if len(fields) == 0 {
			return nil
		}
		if err := writeCustomers(tx, customer); err != nil {
			return err
		}
		return (&change{was: &was, now: customer, fields: fields}).spread(tx, now, &viewer.User.ID, nil)
	})
	return payload(out, err)
}
