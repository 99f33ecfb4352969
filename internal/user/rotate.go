package user

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// graceMax is the longest time for which the secret before a rotation may still work.
const graceMax = 7 * 24 * time.Hour

// RotateTokenInput says how long the secret before works on.
type RotateTokenInput struct {
	GracePeriod *model.Duration // nil: the secret before ends at once
}

// RotateTokenPayload has the new secret, which is shown only here.
type RotateTokenPayload struct {
	Token  *model.ApiToken
	Secret string
}

// RotateToken gives the viewer's own token a new secret. It does not prolong the token. The secret that was current works
// on for the grace period; one that was replaced earlier ends at once, as do the open connections of secrets that end. The
// token of CLOSELOOP_ADMIN_TOKEN is FORBIDDEN to rotate: its secret is that of the setting.
func (s *Users) RotateToken(ctx context.Context, viewer auth.Viewer, in RotateTokenInput) (*RotateTokenPayload, error) {
	if viewer.Secret() == nil {
		return nil, fault.New(fault.CodeForbidden, "only a caller who has signed in with a token can rotate it")
	}
	var grace time.Duration
	if in.GracePeriod != nil {
		grace = time.Duration(*in.GracePeriod)
	}
	if grace < 0 || grace > graceMax {
		return nil, fault.Input("input.gracePeriod", "gracePeriod must be from PT0S to P7D")
	}
	out := &RotateTokenPayload{Token: new(model.ApiToken), Secret: auth.NewSecret()}
	err := s.revisions.Change(ctx, func(tx *gorm.DB) error {
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ? AND hash = ?", viewer.TokenID, viewer.Secret()).Take(out.Token).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return fault.New(fault.CodeConflict, "this secret was replaced already: rotate the token with its current secret")
		}
		if err != nil {
			return err
		}
		if out.Token.Given { // the next start would bring the secret back that this replaces
			return fault.New(fault.CodeForbidden, "this token is set by CLOSELOOP_ADMIN_TOKEN: change the setting and restart closeloop")
		}
		was, until := *out.Token, s.clock().Add(grace)
		out.Token.Hash, out.Token.PreviousHash, out.Token.PreviousUntil = auth.Hash(out.Secret), nil, nil
		if grace > 0 {
			out.Token.PreviousHash, out.Token.PreviousUntil = was.Hash, &until
		}
		err = tx.Model(&model.ApiToken{}).Where("id = ?", out.Token.ID).Select("Hash", "PreviousHash", "PreviousUntil").Updates(out.Token).Error
		if err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditTokenRotated, Object: out.Token.ID, Before: &was, After: out.Token, Always: true})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
