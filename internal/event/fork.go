package event

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"gorm.io/gorm"
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
		return beginEpoch(tx, after, false)
	})
	if err != nil {
		return 0, fmt.Errorf("begin an epoch of the feed: %w", err)
	}
	return after, nil
}

// beginEpoch begins an epoch; with onlyElsewhere, only if the log was last stamped on another cluster. The caller holds
// the lock on feed_head.
func beginEpoch(tx *gorm.DB, head int64, onlyElsewhere bool) error {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // is documented never to fail
	return tx.Exec(`INSERT INTO feed_epochs (nonce, after_position, system_identifier, timeline, database_oid)
		SELECT ?, ?, i.system_identifier, i.timeline, i.database_oid FROM (`+identity+`) i
		WHERE NOT ? OR (i.system_identifier, i.timeline, i.database_oid) IS DISTINCT FROM
			(SELECT (e.system_identifier, e.timeline, e.database_oid) FROM feed_epochs e ORDER BY id DESC LIMIT 1)`,
		hex.EncodeToString(nonce[:]), head, onlyElsewhere).Error
}
