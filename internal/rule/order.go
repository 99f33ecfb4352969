package rule

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// MoveRuleInput has the rule's new position, from 1.
type MoveRuleInput struct {
	RuleID   model.RuleID
	Position int
}

// MoveRulePayload is all rules in their new order.
type MoveRulePayload struct{ Rules []*model.Rule }

// Move gives a rule another position and shifts the rules between.
func (s *Rules) Move(ctx context.Context, viewer auth.Viewer, in MoveRuleInput) (*MoveRulePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	var rules []*model.Rule
	err := s.inOrder(ctx, func(tx *gorm.DB) error {
		r, ofRule := lockRule(tx, in.RuleID)
		if ofRule != nil && len(fault.All(ofRule)) == 0 {
			return ofRule
		}
		if err := tx.Where("deleted_at IS NULL").Order("position").Find(&rules).Error; err != nil {
			return err
		}
		var ofPosition error
		if in.Position < 1 || in.Position > len(rules) {
			ofPosition = fault.Input("input.position", "position must be from 1 to %d, the number of rules", len(rules))
		}
		if err := fault.Join(ofRule, ofPosition); err != nil {
			return err
		}
		at := slices.IndexFunc(rules, func(o *model.Rule) bool { return o.ID == r.ID })
		moved, was := rules[at], r.Position
		rules = slices.Insert(slices.Delete(rules, at, at+1), in.Position-1, moved)
		for i, o := range rules {
			o.Position = i + 1
			err := tx.Exec("UPDATE rules SET position = ? WHERE id = ? AND position <> ?", o.Position, o.ID, o.Position).Error
			if err != nil {
				return fmt.Errorf("move a rule: %w", err)
			}
		}
		return audit.Append(tx, viewer, audit.Entry{
			Action: model.AuditRuleMoved, Object: r.ID, Before: map[string]any{"position": was}, After: map[string]any{"position": in.Position},
		})
	})
	if err != nil {
		return nil, err
	}
	return &MoveRulePayload{Rules: rules}, nil
}

// inOrder runs a transaction while no other transaction writes rules, so that positions have no gaps and no duplicates, and
// while no response is saved.
func (s *Rules) inOrder(ctx context.Context, do func(tx *gorm.DB) error) error {
	return s.revisions.Change(ctx, func(tx *gorm.DB) error {
		if err := configuration.Lock(tx); err != nil {
			return err
		}
		return do(tx)
	})
}
