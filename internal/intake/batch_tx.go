// Package intake owns responses on their way in, one or many: validate → resolve the customer → match the rules → save,
// in one transaction.
//
// It refuses every later change of a case: casework owns these.
package intake

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// batchTx is one transaction that takes responses in. It reads for many items at once, and writes many at once. Between
// the two it decides about each item, in order, from the rows that were read and from the changes of earlier items. So a
// batch has the same result as its responses one by one.
type batchTx struct {
	work    *casework.Work
	tx      *gorm.DB
	now     time.Time
	viewer  auth.Viewer
	options SubmitOptions
	themes  *theme.Matcher
	rules   []rule.Compiled
	central []string
}

// item is one submission of a batch.
type item struct {
	*valid
	outcome  *Outcome
	known    *SubmitResponsePayload // the response was here already
	first    *item                  // an earlier item of the batch with the same response
	person   *customer.Person
	customer *model.Customer          // the person as this response made them
	changed  *casework.CustomerChange // nil: the customer is new, or as before
	response *model.Response          // nil: it is not a new one
	themes   []model.Theme
	rule.Decision
	opened *casework.LockedCase // nil: no case
}

// readRules reads what decides, once for the whole batch.
func (in *batchTx) readRules() error {
	if in.options.SkipRules {
		return nil
	}
	var rules []model.Rule
	if err := in.tx.Where("deleted_at IS NULL AND enabled").Order("position").Find(&rules).Error; err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	if len(rules) == 0 {
		return nil
	}
	var recipients []model.Recipient
	if err := in.tx.Order("rule_id, ordinal").Find(&recipients).Error; err != nil {
		return fmt.Errorf("read the rules' recipients: %w", err)
	}
	for i := range rules {
		for _, r := range recipients {
			if r.RuleID == rules[i].ID {
				rules[i].Recipients = append(rules[i].Recipients, r)
			}
		}
	}
	var assignees []model.Assignee
	if err := in.tx.Order("rule_id, ordinal").Find(&assignees).Error; err != nil {
		return fmt.Errorf("read the rules' assignees: %w", err)
	}
	for i := range rules {
		for _, a := range assignees {
			if a.RuleID == rules[i].ID {
				rules[i].Assignees = append(rules[i].Assignees, a.UserID)
			}
		}
	}
	var settings model.Settings
	if err := in.tx.Take(&settings).Error; err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	in.central = settings.CentralAddresses
	var err error
	in.rules, err = rule.Compile(rules)
	return err
}

// take takes items in together.
func (in *batchTx) take(ctx context.Context, items []*item) error {
	b := &batch{batchTx: in, items: items}
	if err := b.load(); err != nil {
		return err
	}
	if err := b.lock(); err != nil {
		return err
	}
	b.decide()
	if err := b.save(ctx); err != nil {
		return err
	}
	for _, it := range items {
		if err := withinScope(in.tx, in.now, in.viewer, it.outcome.SubmitResponsePayload); err != nil {
			return err
		}
	}
	return nil
}

func (p *valid) response(c *model.Customer, now time.Time) *model.Response {
	r := &model.Response{
		ID: model.ResponseID{UUID: model.NewUUID()}, ExternalID: p.ExternalID, CustomerID: c.ID, Survey: p.Survey,
		Score: p.Score, Category: model.CategoryOf(p.Score), ContactStatus: model.NotContacted, Comment: p.Comment, Drivers: p.drivers,
		ContactRequested: p.ContactRequested != nil && *p.ContactRequested,
		QuoteConsent:     p.QuoteConsent, TestimonialLikelihood: p.TestimonialLikelihood, Attributes: p.attributes,
		RespondedAt: p.mention.RespondedAt, ReceivedAt: now,
	}
	r.CopyCustomer(c)
	if r.TestimonialLikelihood == nil {
		r.TestimonialLikelihood = theme.Testimonial(r)
		r.TestimonialEstimated = r.TestimonialLikelihood != nil
	}
	return r
}
