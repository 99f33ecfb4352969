package rule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	recipientsMax = 100
	assigneesMax  = 100
)

// Rules writes the rules of one database. Each exported write is one transaction, and only managers may call it.
type Rules struct {
	db        *pg.DB
	revisions *configuration.Revisions
	now       func() time.Time
}

// New makes the writes.
func New(db *pg.DB, revisions *configuration.Revisions, now func() time.Time) *Rules {
	return &Rules{db: db, revisions: revisions, now: now}
}

func (s *Rules) clock() time.Time { return pg.Timestamp(s.now()) }

// AssignmentInput chooses the assignee.
type AssignmentInput struct {
	Strategy       model.AssignmentStrategy
	UserID         *model.UserID
	UserIDs        []model.UserID
	FallbackUserID *model.UserID
}

// RecipientInput is a recipient of alerts.
type RecipientInput struct {
	Kind    model.RecipientKind
	Address *string
	UserID  *model.UserID
}

// CreateRuleInput is a new rule.
type CreateRuleInput struct {
	Name             string
	Enabled          bool
	Scores           []int
	ContactRequested *bool
	Filter           *filter.Response
	OpensCase        bool
	Assignment       *AssignmentInput
	FollowUpTarget   *model.Duration
	Notify           []*RecipientInput
	Calendar         *CalendarInput
	Escalations      []*EscalationInput
}

// CreateRulePayload is the new rule.
type CreateRulePayload struct{ Rule *model.Rule }

// UpdateRuleInput changes a rule; an absent field stays, null clears a field.
type UpdateRuleInput struct {
	RuleID           model.RuleID
	Name             graphql.Omittable[*string]
	Enabled          graphql.Omittable[*bool]
	Scores           graphql.Omittable[[]int]
	ContactRequested graphql.Omittable[*bool]
	Filter           graphql.Omittable[*filter.Response]
	OpensCase        graphql.Omittable[*bool]
	Assignment       graphql.Omittable[*AssignmentInput]
	FollowUpTarget   graphql.Omittable[*model.Duration]
	Notify           graphql.Omittable[[]*RecipientInput]
	Calendar         graphql.Omittable[*CalendarInput]
	Escalations      graphql.Omittable[[]*EscalationInput]
}

// UpdateRulePayload is the rule after the change.
type UpdateRulePayload struct{ Rule *model.Rule }

// DeleteRuleInput names a rule.
type DeleteRuleInput struct{ RuleID model.RuleID }

// DeleteRulePayload has the id of the deleted rule.
type DeleteRulePayload struct{ DeletedID model.RuleID }

// Create makes a rule at the last position.
func (s *Rules) Create(ctx context.Context, viewer auth.Viewer, in CreateRuleInput) (*CreateRulePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	r, ofInput := s.draft(in)
	err := s.inOrder(ctx, func(tx *gorm.DB) error {
		var last int
		if err := tx.Raw("SELECT coalesce(max(position), 0) FROM rules WHERE deleted_at IS NULL").Scan(&last).Error; err != nil {
			return err
		}
		r.Position = last + 1
		if err := fault.Join(ofInput, checkUsers(tx, r)); err != nil {
			return err
		}
		if err := tx.Create(r).Error; err != nil {
			return fmt.Errorf("create a rule: %w", err)
		}
		if err := writeAssignees(tx, r); err != nil {
			return err
		}
		if err := writeRecipients(tx, r); err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditRuleCreated, Object: r.ID, After: r})
	})
	if err != nil {
		return nil, err
	}
	return &CreateRulePayload{Rule: r}, nil
}

// draft returns the rule of the input, checked and not stored.
func (s *Rules) draft(in CreateRuleInput) (*model.Rule, error) {
	now := s.clock()
	r := &model.Rule{ID: model.RuleID{UUID: model.NewUUID()}, CreatedAt: now, UpdatedAt: now, Scores: []int{}, Strategy: model.Unassigned}
	all := UpdateRuleInput{
		Name: graphql.OmittableOf(&in.Name), Enabled: graphql.OmittableOf(&in.Enabled), Scores: graphql.OmittableOf(in.Scores),
		ContactRequested: graphql.OmittableOf(in.ContactRequested), Filter: graphql.OmittableOf(in.Filter),
		OpensCase: graphql.OmittableOf(&in.OpensCase), Assignment: graphql.OmittableOf(in.Assignment),
		FollowUpTarget: graphql.OmittableOf(in.FollowUpTarget), Notify: graphql.OmittableOf(in.Notify),
		Calendar: graphql.OmittableOf(in.Calendar), Escalations: graphql.OmittableOf(in.Escalations),
	}
	return r, all.apply(r)
}

// Update changes a rule.
func (s *Rules) Update(ctx context.Context, viewer auth.Viewer, in UpdateRuleInput) (*UpdateRulePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	r := new(model.Rule)
	err := s.inOrder(ctx, func(tx *gorm.DB) error {
		var ofRule error
		if r, ofRule = lockRule(tx, in.RuleID); ofRule != nil {
			r = new(model.Rule)
		} else if err := loadLists(tx, r); err != nil {
			return err
		}
		was := *r
		ofInput := in.apply(r)
		if err := fault.Join(ofRule, ofInput, checkUsers(tx, r)); err != nil {
			return err
		}
		r.UpdatedAt = s.clock()
		err := tx.Model(&model.Rule{}).Where("id = ?", r.ID).Omit("ID", "Position", "CreatedAt", "DeletedAt").Select("*").Updates(r).Error
		if err != nil {
			return fmt.Errorf("update a rule: %w", err)
		}
		if in.Assignment.IsSet() {
			if err := writeAssignees(tx, r); err != nil {
				return err
			}
		}
		if in.Notify.IsSet() {
			if err := writeRecipients(tx, r); err != nil {
				return err
			}
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditRuleUpdated, Object: r.ID, Before: &was, After: r})
	})
	if err != nil {
		return nil, err
	}
	return &UpdateRulePayload{Rule: r}, nil
}

// Delete removes a rule from the list; the rule stays readable from the cases that it opened.
func (s *Rules) Delete(ctx context.Context, viewer auth.Viewer, in DeleteRuleInput) (*DeleteRulePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	err := s.inOrder(ctx, func(tx *gorm.DB) error {
		r, err := lockRule(tx, in.RuleID)
		if err != nil {
			return err
		}
		if err := tx.Model(&model.Rule{}).Where("id = ?", r.ID).Update("deleted_at", s.clock()).Error; err != nil {
			return fmt.Errorf("delete a rule: %w", err)
		}
		if err := tx.Exec("UPDATE rules SET position = position - 1 WHERE deleted_at IS NULL AND position > ?", r.Position).Error; err != nil {
			return err
		}
		if err := loadLists(tx, r); err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditRuleDeleted, Object: r.ID, Before: r})
	})
	if err != nil {
		return nil, err
	}
	return &DeleteRulePayload{DeletedID: in.RuleID}, nil
}

func lockRule(tx *gorm.DB, id model.RuleID) (*model.Rule, error) {
	r := new(model.Rule)
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ? AND deleted_at IS NULL", id).Take(r).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.NotFound("input.ruleId", "there is no such rule")
	}
	return r, err
}

// loadLists reads the recipients and assignees of a rule, for the audit.
func loadLists(tx *gorm.DB, r *model.Rule) error {
	r.Recipients, r.Assignees = nil, nil
	if err := tx.Where("rule_id = ?", r.ID).Order("ordinal").Find(&r.Recipients).Error; err != nil {
		return fmt.Errorf("read a rule's recipients: %w", err)
	}
	if err := tx.Model(&model.Assignee{}).Where("rule_id = ?", r.ID).Order("ordinal").Pluck("user_id", &r.Assignees).Error; err != nil {
		return fmt.Errorf("read a rule's assignees: %w", err)
	}
	return nil
}

func writeAssignees(tx *gorm.DB, r *model.Rule) error {
	if err := tx.Exec("DELETE FROM rule_assignees WHERE rule_id = ?", r.ID).Error; err != nil {
		return fmt.Errorf("write a rule's assignees: %w", err)
	}
	for i, id := range r.Assignees {
		if err := tx.Create(&model.Assignee{RuleID: r.ID, Ordinal: i, UserID: id}).Error; err != nil {
			return fmt.Errorf("write a rule's assignees: %w", err)
		}
	}
	return nil
}

func writeRecipients(tx *gorm.DB, r *model.Rule) error {
	if err := tx.Exec("DELETE FROM rule_recipients WHERE rule_id = ?", r.ID).Error; err != nil {
		return fmt.Errorf("write a rule's recipients: %w", err)
	}
	if len(r.Recipients) == 0 {
		return nil
	}
	for i := range r.Recipients {
		r.Recipients[i].RuleID, r.Recipients[i].Ordinal = r.ID, i
	}
	if err := tx.Create(&r.Recipients).Error; err != nil {
		return fmt.Errorf("write a rule's recipients: %w", err)
	}
	return nil
}

// storedFilter checks a filter with the stricter rules for stored filters, and returns it in the form that is stored.
func storedFilter(f *filter.Response) (json.RawMessage, error) {
	if f == nil {
		return nil, nil
	}
	if _, err := filter.ParseStored(f.Raw()); err != nil {
		return nil, fault.WithPath("input.filter", err)
	}
	return f.Raw(), nil
}
