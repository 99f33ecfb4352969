package casework

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// intake is one transaction that takes responses in. What it reads, it reads for many at once, and it writes many at
// once; what becomes of each is decided in between, one by one and in their order, from what has been read and what
// those before it have made of that. So many come to the same as each alone.
type intake struct {
	w       *Work
	tx      *gorm.DB
	now     time.Time
	viewer  auth.Viewer
	options SubmitOptions
	themes  []*model.Theme
	words   *keyword.Set // of the themes
	rules   []rule.Compiled
	central []string
}

// arrival is a submission on its way in.
type arrival struct {
	*prepared
	outcome  *Outcome
	known    *SubmitResponsePayload // the response was here already
	first    *arrival               // which brought the same response just before
	person   *person
	customer *model.Customer // the person as this response made them
	changed  *change         // nil: the customer is new, or as before
	response *model.Response // nil: it is not a new one
	themes   []model.Theme
	rule.Decision
	opened *held // nil: no case
}

// readRules reads what decides, once for the whole batch.
func (in *intake) readRules() error {
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

// take takes arrivals in together.
func (in *intake) take(ctx context.Context, arrivals []*arrival) error {
	g := &group{intake: in, arrivals: arrivals}
	if err := g.receive(); err != nil {
		return err
	}
	if err := g.prepare(); err != nil {
		return err
	}
	g.carryOut()
	if err := g.write(ctx); err != nil {
		return err
	}
	for _, a := range arrivals {
		if err := in.within(a.outcome.SubmitResponsePayload); err != nil {
			return err
		}
	}
	return nil
}

func (p *prepared) response(c *model.Customer, now time.Time) *model.Response {
	r := &model.Response{
		ID: model.ResponseID{UUID: model.NewUUID()}, ExternalID: p.ExternalID, CustomerID: c.ID, Survey: p.Survey,
		Score: p.Score, Category: model.CategoryOf(p.Score), ContactStatus: model.NotContacted, Comment: p.Comment, Drivers: p.drivers,
		ContactRequested: p.ContactRequested != nil && *p.ContactRequested,
		QuoteConsent:     p.QuoteConsent, TestimonialLikelihood: p.TestimonialLikelihood, Attributes: p.attributes,
		RespondedAt: p.respondedAt, ReceivedAt: now,
	}
	r.CopyCustomer(c)
	if r.TestimonialLikelihood == nil {
		r.TestimonialLikelihood = theme.Testimonial(r)
		r.TestimonialEstimated = r.TestimonialLikelihood != nil
	}
	return r
}
