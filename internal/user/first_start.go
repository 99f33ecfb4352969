package user

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/model"
)

const (
	givenTokenName = "CLOSELOOP_ADMIN_TOKEN"
	firstTokenName = "first start"
	firstAdmin     = "admin@localhost"
)

// FirstStart makes an administrator where no active one exists, with a token, and returns the token's secret, which must
// be shown now because it is not stored. Where given is set, it is the administrator's token, and no secret is returned.
// Later starts accept a given token too, and end the token that was given before.
func (s *Users) FirstStart(ctx context.Context, viewer auth.Viewer, given string) (secret string, err error) {
	if err := viewer.Require(model.Admin); err != nil {
		return "", err
	}
	err = s.change(ctx, func(tx *gorm.DB) error {
		secret = ""
		now := s.clock()
		var admin model.User
		err := tx.Where("role = 'ADMIN' AND active").Order("created_at, id").Limit(1).Take(&admin).Error
		fresh := errors.Is(err, gorm.ErrRecordNotFound)
		if err != nil && !fresh {
			return err
		}
		if fresh {
			admin = model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: "Administrator", Email: firstAdmin, Role: model.Admin, Active: true, CreatedAt: now}
			admin.Fold()
			if err := create(tx, viewer, &admin); err != nil {
				return err
			}
		}
		if given != "" {
			return useGiven(tx, viewer, admin.ID, given, now)
		}
		if fresh {
			secret = auth.NewSecret()
			return createToken(tx, viewer, newToken(admin.ID, firstTokenName, secret, now))
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("make the first administrator: %w", err)
	}
	return secret, nil
}

// useGiven makes the given token where there is none with this secret. The tokens given before expire, and one that is given
// again no longer does. A revoked token stays revoked.
func useGiven(tx *gorm.DB, viewer auth.Viewer, admin model.UserID, given string, now time.Time) error {
	token := newToken(admin, givenTokenName, given, now)
	token.Given = true
	created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(token)
	if created.Error != nil {
		return created.Error
	}
	if created.RowsAffected > 0 {
		if err := audit.Append(tx, viewer, audit.Entry{Action: model.AuditTokenCreated, Object: token.ID, After: token}); err != nil {
			return err
		}
	} else if err := tx.Exec("UPDATE api_tokens SET given = true WHERE hash = ?", token.Hash).Error; err != nil {
		return err
	}
	var all []model.ApiToken
	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("given AND revoked_at IS NULL").Order("id").Find(&all).Error; err != nil {
		return err
	}
	for _, t := range all {
		was := t
		switch {
		case bytes.Equal(t.Hash, token.Hash):
			t.ExpiresAt = nil
		case t.ExpiresAt == nil || t.ExpiresAt.After(now):
			t.ExpiresAt = &now
		}
		if err := tx.Model(&model.ApiToken{}).Where("id = ?", t.ID).Update("expires_at", t.ExpiresAt).Error; err != nil {
			return err
		}
		if err := audit.Append(tx, viewer, audit.Entry{Action: model.AuditTokenUpdated, Object: t.ID, Before: &was, After: &t}); err != nil {
			return err
		}
	}
	return nil
}
