package user

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// CreateApiTokenInput is a new token of a user.
type CreateApiTokenInput struct {
	UserID    model.UserID
	Name      string
	ExpiresAt *time.Time
}

// CreateApiTokenPayload has the secret, which is shown only here.
type CreateApiTokenPayload struct {
	Token  *model.ApiToken
	Secret string
}

// RevokeApiTokenInput names a token.
type RevokeApiTokenInput struct{ TokenID model.ApiTokenID }

// RevokeApiTokenPayload is the revoked token.
type RevokeApiTokenPayload struct{ Token *model.ApiToken }

// CreateToken makes a token with which a program signs in as the user.
func (s *Users) CreateToken(ctx context.Context, viewer auth.Viewer, in CreateApiTokenInput) (*CreateApiTokenPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	name, err := model.CheckName(in.Name)
	if err != nil {
		return nil, fault.Input("input.name", "%s", err.Error())
	}
	now := s.clock()
	if in.ExpiresAt != nil && !in.ExpiresAt.After(now) {
		return nil, fault.Input("input.expiresAt", "expiresAt must be in the future")
	}
	out := &CreateApiTokenPayload{Secret: auth.NewSecret()}
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		var n int64
		if err := tx.Model(&model.User{}).Where("id = ?", in.UserID).Count(&n).Error; err != nil {
			return err
		}
		if n == 0 {
			return fault.NotFound("input.userId", "there is no such user")
		}
		out.Token = newToken(in.UserID, name, out.Secret, now, in.ExpiresAt)
		return tx.Create(out.Token).Error
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func newToken(user model.UserID, name, secret string, now time.Time, expires *time.Time) *model.ApiToken {
	return &model.ApiToken{ID: model.ApiTokenID{UUID: model.NewUUID()}, UserID: user, Name: name, Hash: auth.Hash(secret), CreatedAt: now, ExpiresAt: expires}
}

// RevokeToken revokes a token. Its open connections are closed within a second. A token that is already revoked stays as
// it is.
func (s *Users) RevokeToken(ctx context.Context, viewer auth.Viewer, in RevokeApiTokenInput) (*RevokeApiTokenPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	out := &RevokeApiTokenPayload{Token: new(model.ApiToken)}
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", in.TokenID).Take(out.Token).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return fault.NotFound("input.tokenId", "there is no such token")
		}
		if err != nil || out.Token.RevokedAt != nil {
			return err
		}
		now := s.clock()
		out.Token.RevokedAt = &now
		return tx.Model(&model.ApiToken{}).Where("id = ?", in.TokenID).Update("revoked_at", now).Error
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// IssueToken makes a token for the user with the address, for the command line. Where there is no such user it makes the
// user too. A user of another role, or an inactive user, is a CONFLICT.
func (s *Users) IssueToken(ctx context.Context, viewer auth.Viewer, email string, role model.Role) (secret string, err error) {
	if err := viewer.Require(model.Admin); err != nil {
		return "", err
	}
	address, err := model.UnmarshalEmailAddress(email)
	if err != nil {
		return "", fault.Input("user", "%s", err.Error())
	}
	secret = auth.NewSecret()
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		now := s.clock()
		user := model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: address, Email: address, Role: role, Active: true, CreatedAt: now}
		user.Fold()
		if err := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "email_fold"}}, DoNothing: true}).Create(&user).Error; err != nil {
			return err
		}
		var stored model.User
		if err := tx.Where("email_fold = ?", user.EmailFold).Take(&stored).Error; err != nil {
			return err
		}
		switch {
		case stored.Role != role:
			return fault.New(fault.CodeConflict, "the user %s has the role %s; change the role with the mutation updateUser", address, stored.Role)
		case !stored.Active:
			return fault.New(fault.CodeConflict, "the user %s is not active", address)
		}
		return tx.Create(newToken(stored.ID, "closeloop token create", secret, now, nil)).Error
	})
	return secret, err
}
