package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	keywordsMax = 200 // of one theme
	themesMax   = 500 // that are not deleted: each comment is looked through for all of them
)

// CreateThemeInput is a new theme.
type CreateThemeInput struct {
	Name        string
	Keywords    []string
	Effort      model.Effort
	ApplyToPast bool
}

// CreateThemePayload is the new theme.
type CreateThemePayload struct{ Theme *model.Theme }

// UpdateThemeInput changes a theme: what is absent stays, null clears.
type UpdateThemeInput struct {
	ID          model.ThemeID
	Name        graphql.Omittable[*string]
	Keywords    graphql.Omittable[[]string]
	Effort      graphql.Omittable[*model.Effort]
	ResolvedAt  graphql.Omittable[*time.Time]
	ApplyToPast bool
}

// UpdateThemePayload is the theme as it is now.
type UpdateThemePayload struct{ Theme *model.Theme }

// DeleteThemeInput names a theme.
type DeleteThemeInput struct{ ID model.ThemeID }

// DeleteThemePayload is the id of the theme that is gone.
type DeleteThemePayload struct{ DeletedID model.ThemeID }

// CreateTheme makes a theme.
func (s *Setup) CreateTheme(ctx context.Context, in CreateThemeInput) (*CreateThemePayload, error) {
	now := s.clock()
	t := &model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Keywords: model.Strings{}, CreatedAt: now, UpdatedAt: now}
	all := UpdateThemeInput{Name: graphql.OmittableOf(&in.Name), Keywords: graphql.OmittableOf(in.Keywords), Effort: graphql.OmittableOf(&in.Effort)}
	if err := all.apply(t, now); err != nil {
		return nil, err
	}
	err := s.writeTheme(ctx, t, in.ApplyToPast, func(tx *gorm.DB) error {
		var n int64
		if err := tx.Model(&model.Theme{}).Where("deleted_at IS NULL").Count(&n).Error; err != nil {
			return err
		}
		if n >= themesMax {
			return fault.New(fault.CodeConflict, "there are %d themes already, and no more can be looked for: delete one first", n)
		}
		return tx.Create(t).Error
	})
	if err != nil {
		return nil, err
	}
	return &CreateThemePayload{Theme: t}, nil
}

// UpdateTheme changes a theme.
func (s *Setup) UpdateTheme(ctx context.Context, in UpdateThemeInput) (*UpdateThemePayload, error) {
	t := new(model.Theme)
	err := s.writeTheme(ctx, t, in.ApplyToPast, func(tx *gorm.DB) error {
		if err := findTheme(tx, in.ID, t); err != nil {
			return err
		}
		now := s.clock()
		if err := in.apply(t, now); err != nil {
			return err
		}
		t.UpdatedAt = now
		return tx.Model(&model.Theme{}).Where("id = ?", t.ID).Select("Name", "NameFold", "Keywords", "Effort", "ResolvedAt", "UpdatedAt").Updates(t).Error
	})
	if err != nil {
		return nil, err
	}
	return &UpdateThemePayload{Theme: t}, nil
}

// DeleteTheme takes a theme out of use: no response shows it any more, and its name is free.
func (s *Setup) DeleteTheme(ctx context.Context, in DeleteThemeInput) (*DeleteThemePayload, error) {
	t := new(model.Theme)
	err := s.writeTheme(ctx, t, false, func(tx *gorm.DB) error {
		if err := findTheme(tx, in.ID, t); err != nil {
			return err
		}
		return tx.Model(&model.Theme{}).Where("id = ?", in.ID).Update("deleted_at", s.clock()).Error
	})
	if err != nil {
		return nil, err
	}
	return &DeleteThemePayload{DeletedID: in.ID}, nil
}

// writeTheme runs one transaction beside which no response comes in.
func (s *Setup) writeTheme(ctx context.Context, t *model.Theme, applyToPast bool, do func(tx *gorm.DB) error) error {
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := casework.LockKeywords(tx); err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		if !applyToPast {
			return nil
		}
		return s.work.BeginTagging(ctx, tx, t.ID)
	})
	if pg.Violates(err, "themes_name_key") {
		return &fault.Error{Code: fault.CodeConflict, Argument: "input.name", Message: "there is a theme of this name already"}
	}
	if err != nil {
		return fmt.Errorf("write a theme: %w", err)
	}
	return nil
}

// findTheme locks the theme against whoever tags with it, and not only against whoever changes it.
func findTheme(tx *gorm.DB, id model.ThemeID, into *model.Theme) error {
	*into = model.Theme{}
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ? AND deleted_at IS NULL", id).Take(into).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fault.NotFound("input.id", "there is no such theme")
	}
	return err
}

// apply sets what the input gives on the theme, and checks it.
func (in UpdateThemeInput) apply(t *model.Theme, now time.Time) (err error) {
	if v, ok := in.Name.ValueOK(); ok {
		if v == nil {
			return notNull("name")
		}
		if t.Name, err = checkName("input.name", *v); err != nil {
			return err
		}
		t.NameFold = model.Fold(t.Name)
	}
	if v, ok := in.Keywords.ValueOK(); ok {
		if t.Keywords, err = checkKeywords(v); err != nil {
			return err
		}
	}
	if v, ok := in.Effort.ValueOK(); ok {
		if v == nil {
			return notNull("effort")
		}
		t.Effort = *v
	}
	if v, ok := in.ResolvedAt.ValueOK(); ok {
		if v != nil && v.After(now) {
			return fault.Input("input.resolvedAt", "a time to come: say when it was fixed, once it is")
		}
		t.ResolvedAt = v
	}
	return nil
}

// checkKeywords gives the keywords each once, as they were first written.
func checkKeywords(list []string) (model.Strings, error) {
	if len(list) > keywordsMax {
		return nil, fault.Input("input.keywords", "%d keywords at most", keywordsMax)
	}
	words := model.Strings{}
	seen := map[string]bool{}
	for i, k := range list {
		at := fmt.Sprintf("input.keywords[%d]", i)
		k = strings.TrimSpace(k)
		if err := keyword.Check(k); err != nil {
			return nil, fault.Input(at, "%s", err.Error())
		}
		if err := model.CheckText(k); err != nil {
			return nil, fault.Input(at, "%s", err.Error())
		}
		if fold := model.Fold(k); !seen[fold] {
			seen[fold] = true
			words = append(words, k)
		}
	}
	return words, nil
}
