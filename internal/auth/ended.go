package auth

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

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

// checked are the sessions that the last call of Ended has found open.
type checked struct {
	mu       sync.Mutex
	revision configuration.Revision
	open     map[string]*time.Time // by key, until when; nil: the session does not end by itself
}

// Ended returns the keys of the sessions that are over: the token or its secret is revoked or expired, or the user is
// inactive; and those that have changed: the token is valid, but it or its user has another role or scope than at the
// sign-in. A session is looked up again when the configuration has changed.
func (t *Tokens) Ended(ctx context.Context, keys []string) (ended, changed []string, err error) {
	if len(keys) == 0 {
		return nil, nil, nil
	}
	revision, err := t.revisions.Current(ctx)
	if err != nil {
		return nil, nil, err
	}
	t.checked.mu.Lock()
	defer t.checked.mu.Unlock()
	var unknown []string
	open := make(map[string]*time.Time, len(keys))
	for _, k := range keys {
		if until, ok := t.checked.open[k]; ok && t.checked.revision == revision {
			open[k] = until
		} else {
			unknown = append(unknown, k)
		}
	}
	valid, err := t.findOpen(ctx, unknown, open)
	if err != nil {
		return nil, nil, err
	}
	t.checked.revision, t.checked.open = revision, open
	now := t.now()
	for _, k := range keys {
		until, ok := open[k]
		switch {
		case ok && (until == nil || until.After(now)):
		case !ok && valid[credential(k)]:
			changed = append(changed, k)
		default:
			ended = append(ended, k)
		}
	}
	return ended, changed, nil
}

// credential is the part of a session's key that the token and its secret make up.
func credential(key string) string {
	token, rest, _ := strings.Cut(key, " ")
	hash, _, _ := strings.Cut(rest, " ")
	return token + " " + hash
}

// findOpen adds those of the sessions to open that the database has. valid has the credentials with which one can sign in.
func (t *Tokens) findOpen(ctx context.Context, keys []string, open map[string]*time.Time) (valid map[string]bool, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	valid = map[string]bool{}
	ids, asked := make([]model.ApiTokenID, len(keys)), make(map[string]bool, len(keys))
	for i, k := range keys {
		if ids[i], err = TokenOf(k); err != nil {
			return nil, err
		}
		asked[k] = true
	}
	var rows []struct {
		model.ApiToken `gorm:"embedded"`
		User           model.User `gorm:"embedded;embeddedPrefix:of_"`
	}
	err = t.db.WithContext(ctx).Raw(`SELECT t.id, t.hash, t.expires_at, t.previous_hash, t.previous_until,
			t.role, t.scope_customer, t.scope_response, t.own_cases_only, t.personal_data_hidden,
			u.id AS of_id, u.role AS of_role, u.scope_customer AS of_scope_customer, u.scope_response AS of_scope_response,
			u.own_cases_only AS of_own_cases_only, u.personal_data_hidden AS of_personal_data_hidden
		FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.id = ANY(?) AND u.active AND t.revoked_at IS NULL`,
		pg.Array(model.UUIDs(ids))).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("find ended sessions: %w", err)
	}
	now := t.now()
	for i := range rows {
		token := &rows[i].ApiToken
		narrowed, ok := token.Narrow(&rows[i].User)
		for _, hash := range [][]byte{token.Hash, token.PreviousHash} {
			if hash == nil || !ok {
				continue
			}
			if until, ok := validUntil(token, hash, now); ok {
				key := sessionKey(token.ID, hash, narrowed)
				if valid[credential(key)] = true; asked[key] {
					open[key] = until
				}
			}
		}
	}
	return valid, nil
}
