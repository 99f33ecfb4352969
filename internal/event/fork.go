package event

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
)

// Fork begins a new epoch by hand and returns the position after which it starts. A copied data folder cannot be told
// from its original. Without Fork, a cursor that the original gave out after the copying would be accepted here, where
// other events have the same positions. Cursors from before the copying stay valid on both. Running servers notice the
// new epoch when they next look at the log.
func (l *Log) Fork(ctx context.Context) (after int64, err error) {
	err = l.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Raw("SELECT position FROM feed_head FOR UPDATE").Scan(&after).Error; err != nil {
			return err
		}
		// Committed events without a position get theirs in the new epoch, because the other copy gives them positions too.
		_, err := pg.Raw(tx).Exec(ctx, beginEpoch, newNonce(), false)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("begin an epoch of the feed: %w", err)
	}
	return after, nil
}

// beginEpoch begins an epoch after the log's head; with its second parameter, only if the log was last stamped on another
// cluster. The caller holds the lock on feed_head. The first parameter is the epoch's nonce.
const beginEpoch = `INSERT INTO feed_epochs (nonce, after_position, system_identifier, timeline, database_oid)
	SELECT $1, h.position, i.system_identifier, i.timeline, i.database_oid FROM feed_head h, (` + identity + `) i
	WHERE NOT $2::boolean OR (i.system_identifier, i.timeline, i.database_oid) IS DISTINCT FROM
		(SELECT (e.system_identifier, e.timeline, e.database_oid) FROM feed_epochs e ORDER BY id DESC LIMIT 1)`

func newNonce() string {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // is documented never to fail
	return hex.EncodeToString(nonce[:])
}
