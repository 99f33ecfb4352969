package sample

import (
	"context"
	"fmt"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// createRules creates the rules, unless the database has rules already.
func createRules(ctx context.Context, db *pg.DB, r *rule.Rules, c *staff) error {
	var rules int64
	if err := db.Gorm.WithContext(ctx).Model(&model.Rule{}).Where("deleted_at IS NULL").Count(&rules).Error; err != nil {
		return fmt.Errorf("look for rules: %w", err)
	}
	if rules > 0 {
		return nil
	}
	inputs, err := ruleInputs(c)
	if err != nil {
		return err
	}
	for _, in := range inputs {
		if _, err := r.Create(ctx, auth.System("sample data"), in); err != nil {
			return fmt.Errorf("create the rule %q: %w", in.Name, err)
		}
	}
	return nil
}

// ruleInputs returns rules that show what rules can do: several assignment strategies, scores, a country, a segment, a
// contact request, and a rule that only alerts. Of the rules that match and open a case, the first decides the assignee.
func ruleInputs(c *staff) ([]rule.CreateRuleInput, error) {
	enterprise, err := customerFilter("segment", segmentEnterprise)
	if err != nil {
		return nil, err
	}
	brazil, err := customerFilter("country", "BR")
	if err != nil {
		return nil, err
	}
	manager, agent := c.byEmail[ingrid].ID, c.byEmail[thiago].ID
	return []rule.CreateRuleInput{
		{
			Name: "Enterprise customer is not delighted", Enabled: true, Scores: []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, Filter: enterprise,
			OpensCase: true, Assignment: &rule.AssignmentInput{Strategy: model.ToAccountManager, FallbackUserID: &manager},
			FollowUpTarget: target(24 * time.Hour),
			Notify:         []*rule.RecipientInput{{Kind: model.RecipientCentral}, {Kind: model.RecipientAccountManager}},
		},
		{
			Name: "Detractors", Enabled: true, Scores: []int{0, 1, 2, 3, 4, 5, 6},
			OpensCase: true, Assignment: &rule.AssignmentInput{Strategy: model.ToAccountManager, FallbackUserID: &manager},
			FollowUpTarget: target(48 * time.Hour),
			Notify:         []*rule.RecipientInput{{Kind: model.RecipientAssignee}},
		},
		{
			Name: "Please contact me", Enabled: true, ContactRequested: new(true),
			OpensCase: true, Assignment: &rule.AssignmentInput{Strategy: model.ToAgent, FallbackUserID: &manager},
			FollowUpTarget: target(24 * time.Hour),
			Notify:         []*rule.RecipientInput{{Kind: model.RecipientCentral}},
		},
		{
			Name: "Passives in Brazil", Enabled: true, Scores: []int{7, 8}, Filter: brazil,
			OpensCase: true, Assignment: &rule.AssignmentInput{Strategy: model.ToUser, UserID: &agent, FallbackUserID: &manager},
			FollowUpTarget: target(120 * time.Hour),
		},
		{
			Name: "Enterprise promoters may be references", Enabled: true, Scores: []int{9, 10}, Filter: enterprise,
			Notify: []*rule.RecipientInput{{Kind: model.RecipientAddress, Address: new("references@example.com")}},
		},
	}, nil
}

// customerFilter returns the filter {customer: {field: {eq: value}}}.
func customerFilter(field, value string) (*filter.Response, error) {
	f := new(filter.Response)
	if err := f.UnmarshalGQL(map[string]any{"customer": map[string]any{field: map[string]any{"eq": value}}}); err != nil {
		return nil, fmt.Errorf("build a rule's filter: %w", err)
	}
	return f, nil
}

func target(d time.Duration) *model.Duration { return new(model.Duration(d)) }
