package intake

import (
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// batchTx is one transaction that saves submitted responses. It reads the rows for many items at once and writes many
// rows at once. In between it decides about the items in order, from the rows that were read and from the changes of
// earlier items. So a batch has the same result as its responses submitted one by one.
type batchTx struct {
	work    *casework.Work
	tx      *gorm.DB
	now     time.Time
	viewer  auth.Viewer
	options SubmitOptions
	*house  // nil until it is read
}

// item is one submission of a batch.
type item struct {
	*valid
	outcome  *Outcome
	stored   *SubmitResponsePayload // the response if it was stored before; nil otherwise
	first    *item                  // an earlier item of the batch with the same externalId; nil if there is none
	person   *customer.Person
	customer *model.Customer          // the person as of this response
	changed  *casework.CustomerChange // nil: the customer is new or unchanged
	response *model.Response          // nil: the response was stored before, or an earlier item has it
	revision *revision                // nil: the response is new, or stays as it is
	themes   []model.Theme
	rule.Decision
	opened *casework.LockedCase // nil: no case was opened
}

// newBatch begins to work on items together. It adds to a pipeline what finds their responses and customers.
func (t *batchTx) newBatch(p *pg.Pipeline, items []*item) *batch {
	b := &batch{batchTx: t, items: items}
	b.addStored(p)
	b.customers = customer.AddDirectory(p, b.mentions())
	return b
}

// process loads, decides and saves the items, when the pipeline of newBatch has been sent. It returns how many: it ends
// before an item that may change a stored response, unless that is the first.
func (b *batch) process() (done int, err error) {
	if err := b.load(); err != nil {
		return 0, err
	}
	return len(b.items), b.finish()
}

// finish decides about the loaded items and saves them.
func (b *batch) finish() error {
	if err := b.lock(); err != nil {
		return err
	}
	b.decide()
	if b.options.unsaved {
		return nil
	}
	if err := b.save(); err != nil {
		return err
	}
	for _, it := range b.items {
		if it.outcome.Fault != nil {
			continue
		}
		if err := withinScope(b.tx, b.now, b.viewer, it.outcome.SubmitResponsePayload); err != nil {
			return err
		}
	}
	return nil
}

func (v *valid) response(c *model.Customer, now time.Time) *model.Response {
	r := &model.Response{
		ID: model.ResponseID{UUID: model.NewUUID()}, ExternalID: v.ExternalID, CustomerID: c.ID, Survey: v.Survey,
		Score: v.Score, Category: model.CategoryOf(v.Score), ContactStatus: model.NotContacted, Comment: v.Comment, Drivers: v.drivers,
		ContactRequested: v.ContactRequested != nil && *v.ContactRequested,
		QuoteConsent:     v.QuoteConsent, TestimonialLikelihood: v.TestimonialLikelihood, Attributes: v.attributes,
		RespondedAt: v.mention.RespondedAt, ReceivedAt: now,
	}
	r.CopyCustomer(c)
	if r.TestimonialLikelihood == nil {
		r.TestimonialLikelihood = theme.Testimonial(r)
		r.TestimonialEstimated = r.TestimonialLikelihood != nil
	}
	return r
}
