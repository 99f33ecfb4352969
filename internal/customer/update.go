package customer

import (
	"context"
	"maps"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// UpdateCustomerInput is a change of a customer by hand: an absent field keeps its value; nil clears it.
type UpdateCustomerInput struct {
	CustomerID          model.CustomerID
	FirstName           graphql.Omittable[*string]
	LastName            graphql.Omittable[*string]
	Email               graphql.Omittable[*string]
	Phone               graphql.Omittable[*string]
	Company             graphql.Omittable[*string]
	Country             graphql.Omittable[*string]
	Segment             graphql.Omittable[*string]
	LifetimeValue       graphql.Omittable[*decimal.Decimal]
	AccountManagerEmail graphql.Omittable[*string]
	AgentEmail          graphql.Omittable[*string]
	Attributes          []*AttributeInput
	NextSurveyAt        graphql.Omittable[*time.Time]
}

// UpdateCustomerPayload is the updated customer.
type UpdateCustomerPayload struct{ Customer *model.Customer }

// Customers writes customers.
type Customers struct{ work *casework.Work }

// New returns the writes of customers.
func New(work *casework.Work) *Customers { return &Customers{work} }

// Update changes a customer's data by hand, and records an event on each of the customer's cases. A later response may
// change the data again.
func (c *Customers) Update(ctx context.Context, viewer auth.Viewer, in UpdateCustomerInput) (*UpdateCustomerPayload, error) {
	given := &CustomerInput{
		FirstName: in.FirstName, LastName: in.LastName, Email: in.Email, Phone: in.Phone, Company: in.Company, Country: in.Country,
		Segment: in.Segment, LifetimeValue: in.LifetimeValue, AccountManagerEmail: in.AccountManagerEmail, AgentEmail: in.AgentEmail,
		Attributes: in.Attributes,
	}
	ofInput := fault.WithPath("input", given.Check())
	out := new(UpdateCustomerPayload)
	err := c.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		customer := new(model.Customer)
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", in.CustomerID).Where(viewer.Scope().Customers(now)).Take(customer).Error
		if err != nil {
			return fault.Join(casework.RowErr(err, "input.customerId", "customer"), ofInput)
		}
		if customer.ErasedAt != nil {
			return fault.Join(casework.ErrErased("input.customerId"), ofInput)
		}
		if ofInput != nil {
			return ofInput
		}
		was := *customer
		was.Attributes = maps.Clone(customer.Attributes)
		given.fill(customer)
		set(&customer.NextSurveyAt, in.NextSurveyAt)
		out.Customer = customer
		changed := casework.NewCustomerChange(&was, customer)
		if changed == nil {
			return nil
		}
		if err := Save(tx, customer); err != nil {
			return err
		}
		return changed.Propagate(tx, now, &viewer.User.ID)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
