package auth

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/shared"
)

type hash [32]byte

func hashOf(sum []byte) (h hash) { copy(h[:], sum); return h }

// validHashes lists the hashes of all valid tokens, so that a wrong token can be told without a statement. The list is read
// when an address has to wait, and again when the configuration has changed.
type validHashes struct {
	tokens  *Tokens
	reading *shared.Question[*hashList]
	last    atomic.Pointer[hashList]
}

type hashList struct {
	revision configuration.Revision // from before the list was read
	until    map[hash]*time.Time    // nil: the hash does not end by itself
}

func newValidHashes(tokens *Tokens) *validHashes {
	return &validHashes{tokens: tokens, reading: shared.New[*hashList]()}
}

// has reports whether the hash is a valid token's, as of a second ago at most.
func (v *validHashes) has(ctx context.Context, h hash) (bool, error) {
	revision, err := v.tokens.revisions.Recent(ctx)
	if err != nil {
		return false, err
	}
	list := v.last.Load()
	if list == nil || list.revision != revision {
		if list, err = v.reading.Ask(ctx, func() (*hashList, error) { return v.read(ctx, revision) }); err != nil {
			return false, err
		}
		v.last.Store(list)
	}
	until, ok := list.until[h]
	return ok && (until == nil || until.After(v.tokens.now())), nil
}

func (v *validHashes) read(ctx context.Context, revision configuration.Revision) (*hashList, error) {
	var rows []struct {
		Hash  []byte
		Until *time.Time
	}
	err := v.tokens.db.WithContext(ctx).Raw(`WITH valid AS (SELECT t.* FROM api_tokens t JOIN users u ON u.id = t.user_id
			WHERE u.active AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > @now))
		SELECT hash, expires_at AS until FROM valid UNION ALL
		SELECT previous_hash, least(expires_at, previous_until) FROM valid WHERE previous_until > @now`, map[string]any{"now": v.tokens.now()}).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list the valid tokens: %w", err)
	}
	list := &hashList{revision: revision, until: make(map[hash]*time.Time, len(rows))}
	for _, row := range rows {
		list.until[hashOf(row.Hash)] = row.Until
	}
	return list, nil
}
