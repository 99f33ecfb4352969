package rule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	recipientsMax = 100
	assigneesMax  = 100
)

// Rules writes the rules of one database. An exported write is one transaction, and is for managers.
type Rules struct {
	db  *pg.DB
	now func() time.Time
}

// New makes the writes.
func New(db *pg.DB, now func() time.Time) *Rules { return &Rules{db: db, now: now} }

func (s *Rules) clock() time.Time { return pg.Timestamp(s.now()) }

// AssignmentInput says who gets the case.
type AssignmentInput struct {
	Strategy       model.AssignmentStrategy
	UserID         *model.UserID
	UserIDs        []model.UserID
	FallbackUserID *model.UserID
}

// RecipientInput says whom to alert.
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

// UpdateRuleInput changes a rule: what is absent stays, null clears.
type UpdateRuleInput struct {
	ID               model.RuleID
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

// UpdateRulePayload is the rule as it is now.
type UpdateRulePayload struct{ Rule *model.Rule }

// MoveRuleInput says where to.
type MoveRuleInput struct {
	ID       model.RuleID
	Position int
}

// MoveRulePayload is all rules in their new order.
type MoveRulePayload struct{ Rules []*model.Rule }

// DeleteRuleInput names a rule.
type DeleteRuleInput struct{ ID model.RuleID }

// DeleteRulePayload is the id of the rule that is gone.
type DeleteRulePayload struct{ DeletedID model.RuleID }

// Create makes a rule, as the last one.
func (s *Rules) Create(ctx context.Context, viewer auth.Viewer, in CreateRuleInput) (*CreateRulePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	r, err := s.draft(in)
	if err != nil {
		return nil, err
	}
	err = s.inOrder(ctx, func(tx *gorm.DB) error {
		var last int
		if err := tx.Raw("SELECT coalesce(max(position), 0) FROM rules WHERE deleted_at IS NULL").Scan(&last).Error; err != nil {
			return err
		}
		r.Position = last + 1
		if err := checkUsers(tx, r); err != nil {
			return err
		}
		if err := tx.Create(r).Error; err != nil {
			return fmt.Errorf("make a rule: %w", err)
		}
		if err := writeAssignees(tx, r); err != nil {
			return err
		}
		return writeRecipients(tx, r)
	})
	if err != nil {
		return nil, err
	}
	return &CreateRulePayload{Rule: r}, nil
}

// draft is the rule that the input describes, checked and not stored.
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
	if err := all.apply(r); err != nil {
		return nil, err
	}
	return r, nil
}

// Update changes a rule.
func (s *Rules) Update(ctx context.Context, viewer auth.Viewer, in UpdateRuleInput) (*UpdateRulePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	r := new(model.Rule)
	err := s.inOrder(ctx, func(tx *gorm.DB) error {
		var err error
		if r, err = lockRule(tx, in.ID); err != nil {
			return err
		}
		if err := in.apply(r); err != nil {
			return err
		}
		r.UpdatedAt = s.clock()
		if err := checkUsers(tx, r); err != nil {
			return err
		}
		err = tx.Model(&model.Rule{}).Where("id = ?", r.ID).Omit("ID", "Position", "CreatedAt", "DeletedAt").Select("*").Updates(r).Error
		if err != nil {
			return fmt.Errorf("write a rule: %w", err)
		}
		if in.Assignment.IsSet() {
			if err := writeAssignees(tx, r); err != nil {
				return err
			}
		}
		if !in.Notify.IsSet() {
			return nil
		}
		return writeRecipients(tx, r)
	})
	if err != nil {
		return nil, err
	}
	return &UpdateRulePayload{Rule: r}, nil
}

// Move gives a rule another position; the others make room.
func (s *Rules) Move(ctx context.Context, viewer auth.Viewer, in MoveRuleInput) (*MoveRulePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	var rules []*model.Rule
	err := s.inOrder(ctx, func(tx *gorm.DB) error {
		r, err := lockRule(tx, in.ID)
		if err != nil {
			return err
		}
		if err := tx.Where("deleted_at IS NULL").Order("position").Find(&rules).Error; err != nil {
			return err
		}
		if in.Position < 1 || in.Position > len(rules) {
			return fault.Input("input.position", "a position is from 1 to %d, the number of rules", len(rules))
		}
		at := slices.IndexFunc(rules, func(o *model.Rule) bool { return o.ID == r.ID })
		moved := rules[at]
		rules = slices.Insert(slices.Delete(rules, at, at+1), in.Position-1, moved)
		for i, o := range rules {
			o.Position = i + 1
			err := tx.Exec("UPDATE rules SET position = ? WHERE id = ? AND position <> ?", o.Position, o.ID, o.Position).Error
			if err != nil {
				return fmt.Errorf("move a rule: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &MoveRulePayload{Rules: rules}, nil
}

// Delete takes a rule out of the list; it stays readable from the cases it opened.
func (s *Rules) Delete(ctx context.Context, viewer auth.Viewer, in DeleteRuleInput) (*DeleteRulePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	err := s.inOrder(ctx, func(tx *gorm.DB) error {
		r, err := lockRule(tx, in.ID)
		if err != nil {
			return err
		}
		if err := tx.Model(&model.Rule{}).Where("id = ?", r.ID).Update("deleted_at", s.clock()).Error; err != nil {
			return fmt.Errorf("delete a rule: %w", err)
		}
		return tx.Exec("UPDATE rules SET position = position - 1 WHERE deleted_at IS NULL AND position > ?", r.Position).Error
	})
	if err != nil {
		return nil, err
	}
	return &DeleteRulePayload{DeletedID: in.ID}, nil
}

// rulesLock is held by each write of rules.
const rulesLock pg.AdvisoryLock = "closeloop rules"

// inOrder runs one transaction alone among the writes of rules, so that positions have no gaps and no doubles.
func (s *Rules) inOrder(ctx context.Context, do func(tx *gorm.DB) error) error {
	return s.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := rulesLock.Lock(tx); err != nil {
			return err
		}
		return do(tx)
	})
}

func lockRule(tx *gorm.DB, id model.RuleID) (*model.Rule, error) {
	r := new(model.Rule)
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ? AND deleted_at IS NULL", id).Take(r).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fault.NotFound("input.id", "there is no such rule")
	}
	return r, err
}

func checkUsers(tx *gorm.DB, r *model.Rule) error {
	assignment := model.Assignment{UserID: r.UserID, UserIDs: r.Assignees, FallbackUserID: r.FallbackUserID}
	if err := checkAssignment(tx, "input.assignment", assignment); err != nil {
		return err
	}
	if err := checkRecipients(tx, "input.notify", r.Recipients); err != nil {
		return err
	}
	for i, e := range r.Escalations {
		at := fmt.Sprintf("input.escalations[%d]", i)
		if err := checkRecipients(tx, at+".notify", e.Notify); err != nil {
			return err
		}
		if e.Reassign == nil {
			continue
		}
		if err := checkAssignment(tx, at+".reassign", *e.Reassign); err != nil {
			return err
		}
	}
	return nil
}

func checkAssignment(tx *gorm.DB, at string, a model.Assignment) error {
	if err := checkUser(tx, at+".userId", a.UserID); err != nil {
		return err
	}
	if err := checkUser(tx, at+".fallbackUserId", a.FallbackUserID); err != nil {
		return err
	}
	for i, id := range a.UserIDs {
		if err := checkUser(tx, fmt.Sprintf("%s.userIds[%d]", at, i), &id); err != nil {
			return err
		}
	}
	return nil
}

func checkRecipients(tx *gorm.DB, at string, list []model.Recipient) error {
	for i, to := range list {
		if err := checkUser(tx, fmt.Sprintf("%s[%d].userId", at, i), to.UserID); err != nil {
			return err
		}
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

// stored is a filter as a rule keeps it: read once more by the stricter reading of what is kept.
func stored(f *filter.Response) (json.RawMessage, error) {
	if f == nil {
		return nil, nil
	}
	if _, err := filter.ParseStored(f.Raw()); err != nil {
		return nil, fault.WithPath("input.filter", err)
	}
	return f.Raw(), nil
}

// checkUser refuses the id of a user who does not exist; nil is no user.
func checkUser(tx *gorm.DB, argument string, id *model.UserID) error {
	if id == nil {
		return nil
	}
	var n int64
	if err := tx.Model(&model.User{}).Where("id = ?", *id).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return fault.NotFound(argument, "there is no such user")
	}
	return nil
}
