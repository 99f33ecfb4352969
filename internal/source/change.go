package source

import (
	"context"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// CreateSourceInput is a new source.
type CreateSourceInput struct {
	Name       string
	Tool       model.SourceTool
	Survey     string
	Mapping    []*model.SourceMapping // before the tool's own paths
	Condition  *model.SourceCondition // nil: the tool's own
	OnConflict *intake.OnConflict     // nil: the tool's own, or REJECT
	Secret     *string
	UserID     *model.UserID
}

// CreateSourcePayload is the new source.
type CreateSourcePayload struct{ Source *model.Source }

// UpdateSourceInput changes a source; an absent field is not changed.
type UpdateSourceInput struct {
	SourceID   model.SourceID
	Name       graphql.Omittable[*string]
	Survey     graphql.Omittable[*string]
	Mapping    graphql.Omittable[[]*model.SourceMapping]
	Condition  graphql.Omittable[*model.SourceCondition]
	OnConflict graphql.Omittable[*intake.OnConflict]
	Secret     graphql.Omittable[*string]
	UserID     graphql.Omittable[*model.UserID]
}

// UpdateSourcePayload is the source after the change.
type UpdateSourcePayload struct{ Source *model.Source }

// DeleteSourceInput names a source.
type DeleteSourceInput struct{ SourceID model.SourceID }

// DeleteSourcePayload has the id of the deleted source.
type DeleteSourcePayload struct{ DeletedID model.SourceID }

// Create sets a source up.
func (s *Sources) Create(ctx context.Context, viewer auth.Viewer, in CreateSourceInput) (*CreateSourcePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	now := s.clock()
	own := presets[in.Tool]
	one := &model.Source{
		ID: model.SourceID{UUID: model.NewUUID()}, Tool: in.Tool, Condition: own.condition, OnConflict: own.onConflict, CreatedAt: now, UpdatedAt: now,
	}
	if one.OnConflict == "" {
		one.OnConflict = string(intake.OnConflictReject)
	}
	all := UpdateSourceInput{Name: graphql.OmittableOf(&in.Name), Survey: graphql.OmittableOf(&in.Survey), Mapping: graphql.OmittableOf(in.Mapping)}
	if in.Condition != nil {
		all.Condition = graphql.OmittableOf(in.Condition)
	}
	if in.OnConflict != nil {
		all.OnConflict = graphql.OmittableOf(in.OnConflict)
	}
	if in.Secret != nil {
		all.Secret = graphql.OmittableOf(in.Secret)
	}
	if in.UserID != nil {
		all.UserID = graphql.OmittableOf(in.UserID)
	}
	err := s.revisions.Change(ctx, func(tx *gorm.DB) error {
		if err := fault.Join(all.apply(one), checkUser(tx, one)); err != nil {
			return err
		}
		var n int64
		if err := tx.Model(&model.Source{}).Count(&n).Error; err != nil {
			return fmt.Errorf("count the sources: %w", err)
		}
		if n >= sourcesMax {
			return fault.New(fault.CodeConflict, "there may be at most %d sources: delete one first", sourcesMax)
		}
		if err := tx.Create(one).Error; err != nil {
			return nameTaken(err)
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditSourceCreated, Object: one.ID, After: one})
	})
	if err != nil {
		return nil, err
	}
	return &CreateSourcePayload{Source: one}, nil
}

// Update changes a source. Deliveries are read by the new mapping within a second.
func (s *Sources) Update(ctx context.Context, viewer auth.Viewer, in UpdateSourceInput) (*UpdateSourcePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	var one *model.Source
	err := s.revisions.Change(ctx, func(tx *gorm.DB) (err error) {
		if one, err = lock(tx, in.SourceID); err != nil {
			return err
		}
		was := *one
		if err := fault.Join(in.apply(one), checkUser(tx, one)); err != nil {
			return err
		}
		one.UpdatedAt = s.clock()
		if err := tx.Model(one).Select("*").Omit("ID", "CreatedAt").Updates(one).Error; err != nil {
			return nameTaken(err)
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditSourceUpdated, Object: one.ID, Before: &was, After: one, Always: !model.Same(was.Secret, one.Secret)})
	})
	if err != nil {
		return nil, err
	}
	return &UpdateSourcePayload{Source: one}, nil
}

// Delete deletes a source with the record of its deliveries. The responses stay.
func (s *Sources) Delete(ctx context.Context, viewer auth.Viewer, in DeleteSourceInput) (*DeleteSourcePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	err := s.revisions.Change(ctx, func(tx *gorm.DB) error {
		one, err := lock(tx, in.SourceID)
		if err != nil {
			return err
		}
		if err := tx.Delete(one).Error; err != nil {
			return fmt.Errorf("delete a source: %w", err)
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditSourceDeleted, Object: one.ID, Before: one})
	})
	if err != nil {
		return nil, err
	}
	return &DeleteSourcePayload{DeletedID: in.SourceID}, nil
}

func lock(tx *gorm.DB, id model.SourceID) (*model.Source, error) {
	one := new(model.Source)
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id).Take(one).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, errNoSource("input.sourceId")
	}
	if err != nil {
		return nil, fmt.Errorf("read a source: %w", err)
	}
	return one, nil
}

func errNoSource(argument string) error { return fault.NotFound(argument, "there is no such source") }

func nameTaken(err error) error {
	if pg.Violates(err, "sources_name_key") {
		return &fault.Error{Code: fault.CodeConflict, Argument: "input.name", Message: "another source has this name"}
	}
	return fmt.Errorf("write a source: %w", err)
}

// checkUser refuses a user who may not submit responses, or who could not be known by a signature.
func checkUser(tx *gorm.DB, one *model.Source) error {
	if one.UserID == nil {
		return nil
	}
	if one.Secret == nil {
		return fault.Input("input.userId", "a user needs a secret: without a signature anybody could post as the user")
	}
	var users []*model.User
	if err := tx.Where("id = ? AND active AND role = ?", *one.UserID, model.Intake).Find(&users).Error; err != nil {
		return fmt.Errorf("read the user of a source: %w", err)
	}
	if len(users) == 0 {
		return fault.Input("input.userId", "there is no such active user with the role INTAKE")
	}
	return nil
}
