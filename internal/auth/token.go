package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// NewSecret makes a token's secret: 256 random bits behind a prefix that secret scanners can look for.
func NewSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	return "closeloop_" + base64.RawURLEncoding.EncodeToString(b[:])
}

// Hash is what is kept of a secret. It is random and long, so a fast hash without salt is enough.
func Hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// Tokens signs callers in.
type Tokens struct {
	db  *gorm.DB
	now func() time.Time
}

// NewTokens makes the sign-in over a database.
func NewTokens(db *gorm.DB, now func() time.Time) *Tokens { return &Tokens{db: db, now: now} }

// SignedIn is a caller with what ends their session.
type SignedIn struct {
	Viewer
	Expires *time.Time
}

// SignIn tells who has the secret. An unknown, expired or revoked one, and one of an inactive user, are UNAUTHENTICATED
// alike: a caller learns nothing from the difference.
func (t *Tokens) SignIn(ctx context.Context, secret string) (*SignedIn, error) {
	refused := fault.New(fault.CodeUnauthenticated, "this API token does not work: it is unknown, expired or revoked, or its user is not active")
	var token model.ApiToken
	err := t.db.WithContext(ctx).Where("hash = ?", Hash(secret)).Take(&token).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, refused
	}
	if err != nil {
		return nil, fmt.Errorf("look a token up: %w", err)
	}
	now := t.now()
	if token.RevokedAt != nil || (token.ExpiresAt != nil && !token.ExpiresAt.After(now)) {
		return nil, refused
	}
	var user model.User
	if err := t.db.WithContext(ctx).Where("id = ?", token.UserID).Take(&user).Error; err != nil {
		return nil, fmt.Errorf("look a token's user up: %w", err)
	}
	if !user.Active {
		return nil, refused
	}
	if token.LastUsedAt == nil || now.Sub(*token.LastUsedAt) > time.Minute {
		if err := t.db.WithContext(ctx).Exec("UPDATE api_tokens SET last_used_at = ? WHERE id = ?", now, token.ID).Error; err != nil {
			return nil, fmt.Errorf("note a token's use: %w", err)
		}
	}
	viewer, err := ViewerOf(&user)
	if err != nil {
		return nil, err
	}
	viewer.TokenID = token.ID
	return &SignedIn{Viewer: viewer, Expires: token.ExpiresAt}, nil
}

// Key names the session for Ended: the token, with all that its viewer may do and see.
func (s *SignedIn) Key() string { return sessionKey(s.TokenID, s.User) }

func sessionKey(id model.ApiTokenID, u *model.User) string { return id.String() + " " + viewOf(u) }

// Ended tells which of the sessions are over: their token is revoked or expired, their user inactive, or of another
// role or scope than when they signed in.
func (t *Tokens) Ended(ctx context.Context, keys []string) ([]string, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	ids := make([]model.ApiTokenID, len(keys))
	for i, k := range keys {
		id, _, _ := strings.Cut(k, " ")
		if err := ids[i].UnmarshalGQL(id); err != nil {
			return nil, fmt.Errorf("read a session's key: %w", err)
		}
	}
	var good []struct {
		Token model.ApiTokenID
		model.User
	}
	err := t.db.WithContext(ctx).Raw(`SELECT t.id AS token, u.id, u.role, u.scope_customer, u.scope_response, u.own_cases_only, u.personal_data_hidden FROM api_tokens t JOIN users u ON u.id = t.user_id
		WHERE t.id IN ? AND u.active AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?)`,
		ids, t.now()).Scan(&good).Error
	if err != nil {
		return nil, fmt.Errorf("look for ended sessions: %w", err)
	}
	alive := make(map[string]bool, len(good))
	for i := range good {
		alive[sessionKey(good[i].Token, &good[i].User)] = true
	}
	var ended []string
	for _, k := range keys {
		if !alive[k] {
			ended = append(ended, k)
		}
	}
	return ended, nil
}
