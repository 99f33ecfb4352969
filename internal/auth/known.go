package auth

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// knownFor is how long the list of valid tokens counts as current.
const knownFor = time.Second

type hash [32]byte

func hashOf(sum []byte) (h hash) { copy(h[:], sum); return h }

// knownHashes holds the hashes of the valid tokens, so that a wrong token can be told without a statement. It signs nobody
// in: a token that has been revoked a moment ago may still be in it, and a new one may not be in it yet.
type knownHashes struct {
	tokens  *Tokens
	loading chan struct{} // holds one value while somebody loads

	mu  sync.RWMutex
	all map[hash]struct{}
	at  time.Time // when all was loaded
}

func newKnownHashes(tokens *Tokens) *knownHashes {
	return &knownHashes{tokens: tokens, loading: make(chan struct{}, 1), all: map[hash]struct{}{}}
}

func (k *knownHashes) has(h hash) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	_, ok := k.all[h]
	return ok
}

func (k *knownHashes) add(h hash) {
	if k.has(h) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[h] = struct{}{}
}

func (k *knownHashes) drop(h hash) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.all, h)
}

// check reports whether the hash is a valid token's, by a list that is at most knownFor old. All who ask meanwhile share
// one statement.
func (k *knownHashes) check(ctx context.Context, h hash) (bool, error) {
	if !k.current() {
		select {
		case k.loading <- struct{}{}:
			defer func() { <-k.loading }()
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if !k.current() {
			if err := k.load(ctx); err != nil {
				return false, err
			}
		}
	}
	return k.has(h), nil
}

func (k *knownHashes) current() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return !k.at.IsZero() && k.tokens.now().Sub(k.at) < knownFor
}

func (k *knownHashes) load(ctx context.Context) error {
	began := k.tokens.now()
	var rows []struct{ Hash []byte }
	err := k.tokens.db.WithContext(ctx).Raw(`WITH valid AS (SELECT t.* FROM api_tokens t JOIN users u ON u.id = t.user_id
			WHERE u.active AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > @now))
		SELECT hash FROM valid UNION ALL SELECT previous_hash FROM valid WHERE previous_until > @now`, map[string]any{"now": began}).Scan(&rows).Error
	if err != nil {
		return fmt.Errorf("list the valid tokens: %w", err)
	}
	all := make(map[hash]struct{}, len(rows))
	for _, row := range rows {
		all[hashOf(row.Hash)] = struct{}{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all, k.at = all, began
	return nil
}
