package casework

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/praise"
	"github.com/closeloop/closeloop/internal/rule"
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
	rules   []rule.Rule
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

// take takes in as many as can go together, and tells how many those are: at least the first.
func (in *intake) take(ctx context.Context, all []*arrival) (int, error) {
	if in.viewer.Scope().Bounded() {
		all = all[:1] // what such a viewer sees is asked of the database: it must know of those before
	}
	g := &group{intake: in}
	all, err := g.receive(all)
	if err != nil {
		return 0, err
	}
	if err := g.prepare(); err != nil {
		return 0, err
	}
	g.carryOut()
	if err := g.write(ctx); err != nil {
		return 0, err
	}
	for _, a := range all {
		if err := in.within(a.outcome.SubmitResponsePayload); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// known finds the responses that have one of the external ids already, with their cases. Nobody can be about to write
// one: the caller holds the locks of the ids.
func (in *intake) known(of []*arrival) (map[string]*SubmitResponsePayload, error) {
	var ids []string
	for _, a := range of {
		if a.ExternalID != nil {
			ids = append(ids, *a.ExternalID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []*struct {
		Asked string
		model.Response
	}
	// In one statement: between two, an erasure could take an id away behind the first and before the second.
	err := in.tx.Raw(`SELECT r.external_id AS asked, r.* FROM responses r WHERE external_id = ANY(@ids) UNION ALL
		SELECT i.id, r.* FROM unnest(CAST(@ids AS text[])) AS i(id) JOIN erased_response_ids e ON e.hash = erased_id(i.id) JOIN responses r ON r.id = e.response_id
		WHERE EXISTS (SELECT 1 FROM erased_response_ids)`, map[string]any{"ids": pg.Array(ids)}).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("look for responses: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	var responses []model.ResponseID
	for _, r := range rows {
		responses = append(responses, r.ID)
	}
	var cases []*model.Case
	if err := in.tx.Where("response_id = ANY(?)", pg.Array(model.UUIDs(responses))).Find(&cases).Error; err != nil {
		return nil, fmt.Errorf("look for responses' cases: %w", err)
	}
	cased := map[model.ResponseID]*model.Case{}
	for _, c := range cases {
		cased[*c.ResponseID] = c
	}
	known := map[string]*SubmitResponsePayload{}
	for _, r := range rows {
		known[r.Asked] = &SubmitResponsePayload{Response: &r.Response, Case: cased[r.ID]}
	}
	return known, nil
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
		r.TestimonialLikelihood = praise.Likelihood(r)
		r.TestimonialEstimated = r.TestimonialLikelihood != nil
	}
	return r
}
