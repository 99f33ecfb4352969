package user

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
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// CreateApiTokenInput says whose token it is, for what, until when, and what it may do less than its user.
type CreateApiTokenInput struct {
	UserID       model.UserID
	Name         string
	ExpiresAt    graphql.Omittable[*time.Time] // absent: after the lifetime of the settings; null: never
	Role         *model.Role                   // nil: the user's
	Scope        *ScopeInput                   // nil: nothing is hidden that the user sees
	PersonalData *bool                         // nil: true
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
	name, ofName := model.CheckName(in.Name)
	if ofName != nil {
		ofName = fault.Input("input.name", "%s", ofName.Error())
	}
	out := &CreateApiTokenPayload{Secret: auth.NewSecret()}
	err := s.revisions.Change(ctx, func(tx *gorm.DB) error {
		var user model.User
		ofUser := tx.Where("id = ?", in.UserID).Take(&user).Error
		if errors.Is(ofUser, gorm.ErrRecordNotFound) {
			ofUser = fault.NotFound("input.userId", "there is no such user")
		} else if ofUser != nil {
			return fmt.Errorf("read a token's user: %w", ofUser)
		}
		out.Token = newToken(user.ID, name, out.Secret, s.clock())
		if err := fault.Join(ofName, ofUser, in.limit(out.Token, &user), in.expire(tx, out.Token)); err != nil {
			return err
		}
		return createToken(tx, viewer, out.Token)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// expire sets the time at which the token stops working.
func (in CreateApiTokenInput) expire(tx *gorm.DB, t *model.ApiToken) error {
	at, given := in.ExpiresAt.ValueOK()
	if given {
		if at != nil && !at.After(t.CreatedAt) {
			return fault.Input("input.expiresAt", "expiresAt must be in the future")
		}
		t.ExpiresAt = at
		return nil
	}
	return expireByDefault(tx, t)
}

func expireByDefault(tx *gorm.DB, t *model.ApiToken) error {
	var settings model.Settings
	if err := tx.Take(&settings).Error; err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	at := t.CreatedAt.AddDate(0, 0, settings.TokenLifetimeDays)
	t.ExpiresAt = &at
	return nil
}

// limit sets what the token may do less than its user. It refuses a role that the user does not have, and limits of an
// ADMIN, who could remove them. An owner without a role is unknown, and is not compared with.
func (in CreateApiTokenInput) limit(t *model.ApiToken, owner *model.User) error {
	limited := model.User{Role: owner.Role}
	var ofRole error
	switch {
	case in.Role == nil || owner.Role == "":
	case in.Role.Within(owner.Role):
		limited.Role = *in.Role
	default:
		ofRole = fault.Input("input.role", "the role of a token must not allow more than the user's role, which is %s", owner.Role)
	}
	ofScope := in.Scope.apply(&limited)
	limited.PersonalDataHidden = in.PersonalData != nil && !*in.PersonalData
	if err := fault.Join(ofRole, ofScope, checkRestrictions(&limited)); err != nil {
		return err
	}
	t.Role, t.ScopeCustomer, t.ScopeResponse = in.Role, limited.ScopeCustomer, limited.ScopeResponse
	t.OwnCasesOnly, t.PersonalDataHidden = limited.OwnCasesOnly, limited.PersonalDataHidden
	return nil
}

func newToken(user model.UserID, name, secret string, now time.Time) *model.ApiToken {
	return &model.ApiToken{ID: model.ApiTokenID{UUID: model.NewUUID()}, UserID: user, Name: name, Hash: auth.Hash(secret), CreatedAt: now}
}

// createToken stores a new token, with its entry in the audit.
func createToken(tx *gorm.DB, viewer auth.Viewer, t *model.ApiToken) error {
	if err := tx.Create(t).Error; err != nil {
		return err
	}
	return audit.Append(tx, viewer, audit.Entry{Action: model.AuditTokenCreated, Object: t.ID, After: t})
}

// RevokeToken revokes a token. Its open connections are closed within a second. A token that is already revoked stays as
// it is.
func (s *Users) RevokeToken(ctx context.Context, viewer auth.Viewer, in RevokeApiTokenInput) (*RevokeApiTokenPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	out := &RevokeApiTokenPayload{Token: new(model.ApiToken)}
	err := s.revisions.Change(ctx, func(tx *gorm.DB) error {
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", in.TokenID).Take(out.Token).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return fault.NotFound("input.tokenId", "there is no such token")
		}
		if err != nil || out.Token.RevokedAt != nil {
			return err
		}
		was, now := *out.Token, s.clock()
		out.Token.RevokedAt = &now
		if err := tx.Model(&model.ApiToken{}).Where("id = ?", in.TokenID).Update("revoked_at", now).Error; err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditTokenRevoked, Object: in.TokenID, Before: &was, After: out.Token})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// IssueToken makes a token for the user with the address, for the command line. It works as long as the settings say. Where there is no such user it makes the
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
	err = s.change(ctx, func(tx *gorm.DB) error {
		now := s.clock()
		user := model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: address, Email: address, Role: role, Active: true, CreatedAt: now}
		user.Fold()
		created := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "email_fold"}}, DoNothing: true}).Create(&user)
		if created.Error != nil {
			return created.Error
		}
		if created.RowsAffected > 0 {
			if err := audit.Append(tx, viewer, audit.Entry{Action: model.AuditUserCreated, Object: user.ID, After: &user}); err != nil {
				return err
			}
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
		token := newToken(stored.ID, "closeloop token create", secret, now)
		if err := expireByDefault(tx, token); err != nil {
			return err
		}
		return createToken(tx, viewer, token)
	})
	return secret, err
}
