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

// NewSecret makes a token's secret: 256 random bits after a prefix that secret scanners can recognise.
func NewSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	return "closeloop_" + base64.RawURLEncoding.EncodeToString(b[:])
}

// Hash returns the form in which the database stores a secret. A secret is long and random, so a fast hash without salt
// is enough.
func Hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// Tokens signs callers in by their API tokens.
type Tokens struct {
	db  *gorm.DB
	now func() time.Time
}

// NewTokens makes Tokens that reads the given database.
func NewTokens(db *gorm.DB, now func() time.Time) *Tokens { return &Tokens{db: db, now: now} }

// SignedIn is the viewer of a session and the time at which the session ends.
type SignedIn struct {
	Viewer
	Expires *time.Time // nil: the token does not expire
}

// SignIn returns the owner of the secret. It refuses an unknown, expired or revoked token and the token of an inactive
// user with the same UNAUTHENTICATED error, so that a caller cannot tell the reasons apart.
func (t *Tokens) SignIn(ctx context.Context, secret string) (*SignedIn, error) {
	refused := fault.New(fault.CodeUnauthenticated, "this API token is unknown, expired or revoked, or its user is inactive: ask an administrator for a new token")
	var token model.ApiToken
	err := t.db.WithContext(ctx).Where("hash = ?", Hash(secret)).Take(&token).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, refused
	}
	if err != nil {
		return nil, fmt.Errorf("find a token: %w", err)
	}
	now := t.now()
	if token.RevokedAt != nil || (token.ExpiresAt != nil && !token.ExpiresAt.After(now)) {
		return nil, refused
	}
	var user model.User
	if err := t.db.WithContext(ctx).Where("id = ?", token.UserID).Take(&user).Error; err != nil {
		return nil, fmt.Errorf("find a token's user: %w", err)
	}
	if !user.Active {
		return nil, refused
	}
	if token.LastUsedAt == nil || now.Sub(*token.LastUsedAt) > time.Minute {
		if err := t.db.WithContext(ctx).Exec("UPDATE api_tokens SET last_used_at = ? WHERE id = ?", now, token.ID).Error; err != nil {
			return nil, fmt.Errorf("record a token's use: %w", err)
		}
	}
	viewer, err := ViewerOf(&user)
	if err != nil {
		return nil, err
	}
	viewer.TokenID = token.ID
	return &SignedIn{Viewer: viewer, Expires: token.ExpiresAt}, nil
}

// Key identifies the session for Ended: by the token and by everything that the viewer may do and see.
func (s *SignedIn) Key() string { return sessionKey(s.TokenID, s.User) }

func sessionKey(id model.ApiTokenID, u *model.User) string { return id.String() + " " + viewOf(u) }

// TokenOf returns the token of a session's key.
func TokenOf(key string) (id model.ApiTokenID, err error) {
	text, _, _ := strings.Cut(key, " ")
	if err := id.UnmarshalGQL(text); err != nil {
		return id, fmt.Errorf("parse a session's key: %w", err)
	}
	return id, nil
}

// Ended returns the keys of the sessions that are over: the token is revoked or expired, or the user is inactive or has
// another role or scope than at the sign-in.
func (t *Tokens) Ended(ctx context.Context, keys []string) ([]string, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	ids := make([]model.ApiTokenID, len(keys))
	for i, k := range keys {
		var err error
		if ids[i], err = TokenOf(k); err != nil {
			return nil, err
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
		return nil, fmt.Errorf("find ended sessions: %w", err)
	}
	active := make(map[string]bool, len(good))
	for i := range good {
		active[sessionKey(good[i].Token, &good[i].User)] = true
	}
	var ended []string
	for _, k := range keys {
		if !active[k] {
			ended = append(ended, k)
		}
	}
	return ended, nil
}
