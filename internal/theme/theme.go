// Package theme owns the topics of comments: the themes and their keywords, the tagging of responses by keywords or by hand, runs over past responses, and the estimate of a
// comment's likelihood as a testimonial.
//
// It does not lock cases or set their versions; package casework does.
package theme

import (
	"context"
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
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const themesMax = 500 // without deleted themes; every comment is searched for the keywords of all of them

// Themes writes the themes of one database. An exported write is one transaction, and is for managers.
type Themes struct {
	revisions *configuration.Revisions
	queue     *job.Queue
	now       func() time.Time
}

// New returns the writes of themes. The queue receives the runs over past responses.
func New(revisions *configuration.Revisions, queue *job.Queue, now func() time.Time) *Themes {
	return &Themes{revisions: revisions, queue: queue, now: now}
}

func (s *Themes) clock() time.Time { return pg.Timestamp(s.now()) }

// CreateThemePayload is the new theme.
type CreateThemePayload struct{ Theme *model.Theme }

// UpdateThemePayload is the theme after the change.
type UpdateThemePayload struct{ Theme *model.Theme }

// DeleteThemeInput identifies the theme to delete.
type DeleteThemeInput struct{ ThemeID model.ThemeID }

// DeleteThemePayload is the id of the deleted theme.
type DeleteThemePayload struct{ DeletedID model.ThemeID }

// Create creates a theme.
func (s *Themes) Create(ctx context.Context, viewer auth.Viewer, in CreateThemeInput) (*CreateThemePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	now := s.clock()
	t := &model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Keywords: model.Strings{}, CreatedAt: now, UpdatedAt: now}
	all := UpdateThemeInput{Name: graphql.OmittableOf(&in.Name), Keywords: graphql.OmittableOf(in.Keywords), Effort: graphql.OmittableOf(&in.Effort)}
	if err := all.apply(t, now); err != nil {
		return nil, err
	}
	err := s.write(ctx, t, in.ApplyToPast, func(tx *gorm.DB) error {
		var n int64
		if err := tx.Model(&model.Theme{}).Where("deleted_at IS NULL").Count(&n).Error; err != nil {
			return err
		}
		if n >= themesMax {
			return fault.New(fault.CodeConflict, "there are already %d themes, which is the limit: delete one first", n)
		}
		if err := tx.Create(t).Error; err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditThemeCreated, Object: t.ID, After: t})
	})
	if err != nil {
		return nil, err
	}
	return &CreateThemePayload{Theme: t}, nil
}

// Update changes a theme.
func (s *Themes) Update(ctx context.Context, viewer auth.Viewer, in UpdateThemeInput) (*UpdateThemePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	t := new(model.Theme)
	err := s.write(ctx, t, in.ApplyToPast, func(tx *gorm.DB) error {
		ofTheme := lockTheme(tx, in.ThemeID, t)
		was, now := *t, s.clock()
		if err := fault.Join(ofTheme, in.apply(t, now)); err != nil {
			return err
		}
		t.UpdatedAt = now
		err := tx.Model(&model.Theme{}).Where("id = ?", t.ID).Select("Name", "NameFold", "Keywords", "Effort", "ResolvedAt", "UpdatedAt").Updates(t).Error
		if err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditThemeUpdated, Object: t.ID, Before: &was, After: t})
	})
	if err != nil {
		return nil, err
	}
	return &UpdateThemePayload{Theme: t}, nil
}

// Delete marks a theme as deleted: responses no longer show it, and a new theme may have its name.
func (s *Themes) Delete(ctx context.Context, viewer auth.Viewer, in DeleteThemeInput) (*DeleteThemePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	t := new(model.Theme)
	err := s.write(ctx, t, false, func(tx *gorm.DB) error {
		if err := lockTheme(tx, in.ThemeID, t); err != nil {
			return err
		}
		if err := tx.Model(&model.Theme{}).Where("id = ?", in.ThemeID).Update("deleted_at", s.clock()).Error; err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditThemeDeleted, Object: t.ID, Before: t})
	})
	if err != nil {
		return nil, err
	}
	return &DeleteThemePayload{DeletedID: in.ThemeID}, nil
}

// write runs one transaction, during which no submitted response is saved. So every response is either committed before
// the change, where a run over past responses finds it, or tagged with the new keywords when it is saved. None is missed.
func (s *Themes) write(ctx context.Context, t *model.Theme, applyToPast bool, do func(tx *gorm.DB) error) error {
	err := s.revisions.Change(ctx, func(tx *gorm.DB) error {
		if err := configuration.Lock(tx); err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		if !applyToPast {
			return nil
		}
		return s.BeginTagging(ctx, tx, t.ID)
	})
	if pg.Violates(err, "themes_name_key") {
		return &fault.Error{Code: fault.CodeConflict, Argument: "input.name", Message: "a theme with this name already exists"}
	}
	if err != nil {
		return fmt.Errorf("write a theme: %w", err)
	}
	return nil
}

// lockTheme reads the theme and locks its row against other changes and against transactions that tag responses with it.
func lockTheme(tx *gorm.DB, id model.ThemeID, into *model.Theme) error {
	*into = model.Theme{}
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ? AND deleted_at IS NULL", id).Take(into).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fault.NotFound("input.themeId", "there is no such theme")
	}
	return err
}
