package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/configuration"
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

// remembered is how many secrets' owners are kept in memory; the one that was not used for longest is forgotten.
const remembered = 10_000

// Tokens signs callers in by their API tokens. It remembers the owners of valid secrets as long as the configuration stays
// as it is, so that a sign-in costs no statement, and a change of the token or of its user counts within a second.
type Tokens struct {
	db        *gorm.DB
	revisions *configuration.Revisions
	now       func() time.Time
	owners    *lru.Cache[hash, *owner]
	lookups   lookups
	checked   checked
}

// NewTokens makes Tokens that reads the given database.
func NewTokens(db *gorm.DB, revisions *configuration.Revisions, now func() time.Time) *Tokens {
	owners, _ := lru.New[hash, *owner](remembered) // the error is for a size below 1
	return &Tokens{db: db, revisions: revisions, now: now, owners: owners, lookups: lookups{all: map[hash]*lookup{}}}
}

// SignedIn is the viewer of a session and the time at which the session ends.
type SignedIn struct {
	Viewer
	Expires *time.Time // nil: the session does not end by itself
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
	in, _, err := t.signIn(ctx, hashOf(Hash(secret)))
	return in, err
}

// signIn also returns whose token was refused, for the audit.
func (t *Tokens) signIn(ctx context.Context, h hash) (*SignedIn, Refusal, error) {
	o, err := t.owner(ctx, h)
	if err != nil {
		return nil, Refusal{}, err
	}
	var of Refusal
	if o != nil {
		if in := o.signIn(h, t.now()); in != nil {
			return in, of, nil
		}
		of = Refusal{Token: o.token.ID, User: o.token.UserID}
	}
	t.owners.Remove(h)
	return nil, of, fault.New(fault.CodeUnauthenticated, "this API token is unknown, expired or revoked, or its user is inactive: ask an administrator for a new token")
}

// owner is what the database says about a secret. It never changes.
type owner struct {
	token    model.ApiToken
	enters   bool                   // the user is active, and has a role in common with the token
	viewer   Viewer                 // where enters
	revision configuration.Revision // from before the rest was read
}

// signIn returns the session that begins now; nil where the secret is no longer valid, or signs nobody in.
func (o *owner) signIn(h hash, now time.Time) *SignedIn {
	expires, valid := validUntil(&o.token, h[:], now)
	if !valid || !o.enters {
		return nil
	}
	return &SignedIn{Viewer: o.viewer, Expires: expires}
}

// owner returns the owner of a secret, from memory where it is as new as a second ago; nil where no token has the secret.
func (t *Tokens) owner(ctx context.Context, h hash) (*owner, error) {
	revision, err := t.revisions.Recent(ctx)
	if err != nil {
		return nil, err
	}
	if o, ok := t.owners.Get(h); ok && o.revision == revision {
		return o, nil
	}
	o, err := t.lookups.share(ctx, h, func() (*owner, error) { return t.find(ctx, h, revision) })
	if o != nil && o.signIn(h, t.now()) != nil {
		t.owners.Add(h, o)
	}
	return o, err
}

func (t *Tokens) find(ctx context.Context, h hash, revision configuration.Revision) (*owner, error) {
	var found []*model.ApiToken
	err := t.db.WithContext(ctx).Where("hash = ? OR previous_hash = ?", h[:], h[:]).Limit(1).Find(&found).Error
	if err != nil {
		return nil, fmt.Errorf("find a token: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	o := &owner{token: *found[0], revision: revision}
	var user model.User
	if err := t.db.WithContext(ctx).Where("id = ?", o.token.UserID).Take(&user).Error; err != nil {
		return nil, fmt.Errorf("find a token's user: %w", err)
	}
	narrowed, ok := o.token.Narrow(&user)
	if !ok || !user.Active {
		return o, nil
	}
	if o.viewer, err = ViewerOf(narrowed); err != nil {
		return nil, err
	}
	o.enters = true
	o.viewer.TokenID, o.viewer.owner, o.viewer.narrower, o.viewer.secret = o.token.ID, &user, o.token.Narrower(), h[:]
	return o, nil
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
