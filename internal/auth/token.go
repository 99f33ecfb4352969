package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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
	db      *gorm.DB
	now     func() time.Time
	lookups lookups
}

// NewTokens makes Tokens that reads the given database.
func NewTokens(db *gorm.DB, now func() time.Time) *Tokens {
	return &Tokens{db: db, now: now, lookups: lookups{all: map[hash]*lookup{}}}
}

// SignedIn is the viewer of a session and the time at which the session ends.
type SignedIn struct {
	Viewer
	Expires *time.Time // nil: the session does not end by itself

	refused *Refusal // not nil: the secret is a token's, but signs nobody in; nothing else is set
}

// Refusal says from where a sign-in came that was refused, and whose token it was.
type Refusal struct {
	Address string           // empty: not known
	Token   model.ApiTokenID // zero: no token has the secret, or it was not looked up, because the address has to wait
	User    model.UserID     // zero where Token is
}

// SignIn returns the owner of the secret, with the rights that both the owner and the token have. It refuses an unknown,
// expired or revoked token and the token of an inactive user with the same UNAUTHENTICATED error, so that a caller cannot
// tell the reasons apart.
func (t *Tokens) SignIn(ctx context.Context, secret string) (*SignedIn, error) {
	in, _, err := t.signIn(ctx, secret)
	return in, err
}

// signIn also returns whose token was refused, for the audit.
func (t *Tokens) signIn(ctx context.Context, secret string) (*SignedIn, Refusal, error) {
	sum := Hash(secret)
	in, err := t.lookups.share(ctx, hashOf(sum), func() (*SignedIn, error) { return t.find(ctx, sum) })
	var of Refusal
	switch {
	case err != nil:
		return nil, of, err
	case in != nil && in.refused == nil:
		return in, of, nil
	case in != nil:
		of = *in.refused
	}
	return nil, of, fault.New(fault.CodeUnauthenticated, "this API token is unknown, expired or revoked, or its user is inactive: ask an administrator for a new token")
}

// find returns the session of a secret, or a refused one; nil where no token has the secret.
func (t *Tokens) find(ctx context.Context, hash []byte) (*SignedIn, error) {
	var found []*model.ApiToken
	err := t.db.WithContext(ctx).Where("hash = ? OR previous_hash = ?", hash, hash).Limit(1).Find(&found).Error
	if err != nil {
		return nil, fmt.Errorf("find a token: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	token := found[0]
	refused := &SignedIn{refused: &Refusal{Token: token.ID, User: token.UserID}}
	expires, valid := validUntil(token, hash, t.now())
	if !valid {
		return refused, nil
	}
	var user model.User
	if err := t.db.WithContext(ctx).Where("id = ?", token.UserID).Take(&user).Error; err != nil {
		return nil, fmt.Errorf("find a token's user: %w", err)
	}
	narrowed, ok := token.Narrow(&user)
	if !ok || !user.Active {
		return refused, nil
	}
	viewer, err := ViewerOf(narrowed)
	if err != nil {
		return nil, err
	}
	viewer.TokenID, viewer.owner, viewer.narrower, viewer.secret = token.ID, &user, token.Narrower(), hash
	return &SignedIn{Viewer: viewer, Expires: expires}, nil
}

// validUntil reports whether a secret of the token signs in at the time given, and returns when it no longer will; nil:
// it does not end. After a rotation the secret before it works until PreviousUntil.
func validUntil(t *model.ApiToken, hash []byte, now time.Time) (until *time.Time, valid bool) {
	until = t.ExpiresAt
	if !bytes.Equal(t.Hash, hash) {
		if !bytes.Equal(t.PreviousHash, hash) {
			return nil, false
		}
		if until == nil || t.PreviousUntil.Before(*until) {
			until = t.PreviousUntil
		}
	}
	return until, t.RevokedAt == nil && (until == nil || until.After(now))
}

// Key identifies the session for Ended: by the token, its secret, and everything that the viewer may do and see.
func (s *SignedIn) Key() string { return sessionKey(s.TokenID, s.secret, s.User) }

func sessionKey(id model.ApiTokenID, hash []byte, u *model.User) string {
	return id.String() + " " + hex.EncodeToString(hash) + " " + viewOf(u)
}

// TokenOf returns the token of a session's key.
func TokenOf(key string) (id model.ApiTokenID, err error) {
	text, _, _ := strings.Cut(key, " ")
	if err := id.UnmarshalGQL(text); err != nil {
		return id, fmt.Errorf("parse a session's key: %w", err)
	}
	return id, nil
}

// Ended returns the keys of the sessions that are over: the token or its secret is revoked or expired, or the user is
// inactive, or one of both has another role or scope than at the sign-in.
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
	var rows []struct {
		model.ApiToken `gorm:"embedded"`
		User           model.User `gorm:"embedded;embeddedPrefix:of_"`
	}
	err := t.db.WithContext(ctx).Raw(`SELECT t.id, t.hash, t.expires_at, t.previous_hash, t.previous_until,
			t.role, t.scope_customer, t.scope_response, t.own_cases_only, t.personal_data_hidden,
			u.id AS of_id, u.role AS of_role, u.scope_customer AS of_scope_customer, u.scope_response AS of_scope_response,
			u.own_cases_only AS of_own_cases_only, u.personal_data_hidden AS of_personal_data_hidden
		FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.id IN ? AND u.active AND t.revoked_at IS NULL`, ids).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("find ended sessions: %w", err)
	}
	active, now := make(map[string]bool, len(rows)), t.now()
	for i := range rows {
		token := &rows[i].ApiToken
		narrowed, ok := token.Narrow(&rows[i].User)
		for _, hash := range [][]byte{token.Hash, token.PreviousHash} {
			if hash == nil || !ok {
				continue
			}
			if _, valid := validUntil(token, hash, now); valid {
				active[sessionKey(token.ID, hash, narrowed)] = true
			}
		}
	}
	var ended []string
	for _, k := range keys {
		if !active[k] {
			ended = append(ended, k)
		}
	}
	return ended, nil
}
