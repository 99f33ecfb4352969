package user

import (
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
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		secret = ""
		if err := usersLock.Lock(tx); err != nil {
			return err
		}
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

func useGiven(tx *gorm.DB, viewer auth.Viewer, admin model.UserID, given string, now time.Time) error {
	// The token given before expires. A token that is given again no longer expires. A revoked token stays revoked.
	err := tx.Exec("UPDATE api_tokens SET expires_at = CASE WHEN hash <> ? THEN coalesce(expires_at, CAST(? AS timestamptz)) END WHERE name = ?",
		auth.Hash(given), now, givenTokenName).Error
	if err != nil {
		return err
	}
	token := newToken(admin, givenTokenName, given, now)
	created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(token)
	if created.Error != nil || created.RowsAffected == 0 {
		return created.Error
	}
	return audit.Append(tx, viewer, audit.Entry{Action: model.AuditTokenCreated, Object: token.ID, After: token})
}
