package event

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"gorm.io/gorm"
)

// Fork begins an epoch by hand, and answers with the position that it starts after. A copied data folder cannot be told
// from the one it was copied from: without it, a cursor that the other copy gave out later would be taken here for a
// place among events that are others. Cursors from before stay good on both. Servers that run take it up with the next
// look at the log.
func (l *Log) Fork(ctx context.Context) (after int64, err error) {
	err = l.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Raw("SELECT position FROM feed_head FOR UPDATE").Scan(&after).Error; err != nil {
			return err
		}
		// What is committed and has no position yet gets one in the new epoch: the other copy gives it one of its own.
		return beginEpoch(tx, after, false)
	})
	if err != nil {
		return 0, fmt.Errorf("begin an epoch of the feed: %w", err)
	}
	return after, nil
}

// beginEpoch begins an epoch; onlyElsewhere, where the cluster is another than the log was last stamped on. The caller
// holds the lock of feed_head.
func beginEpoch(tx *gorm.DB, head int64, onlyElsewhere bool) error {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails, by its documentation
	return tx.Exec(`INSERT INTO feed_epochs (nonce, after_position, system_identifier, timeline, database_oid)
		SELECT ?, ?, i.system_identifier, i.timeline, i.database_oid FROM (`+identity+`) i
		WHERE NOT ? OR (i.system_identifier, i.timeline, i.database_oid) IS DISTINCT FROM
			(SELECT (e.system_identifier, e.timeline, e.database_oid) FROM feed_epochs e ORDER BY id DESC LIMIT 1)`,
		hex.EncodeToString(nonce[:]), head, onlyElsewhere).Error
}
