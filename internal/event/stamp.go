package event

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"gorm.io/gorm"
)

// epoch is one life of the log on one cluster: the positions after its After, up to the next one's, are its own.
type epoch struct {
	ID            int64
	Nonce         string
	AfterPosition int64
}

// The cluster is known by its system identifier, its timeline (a promoted standby begins a new one) and the
// database's oid (a restored dump gets a new one).
const identity = `SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
	substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline,
	(SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database_oid`

// Stamp gives every committed event its position and answers with the head: the last position. Any server may stamp;
// the row of feed_head, locked, puts them one after the other. An event that is not yet committed gets a later
// position, so nobody waits for a writer.
func (l *Log) Stamp(ctx context.Context) (head int64, err error) {
	current, idle, err := l.idle(ctx)
	if err != nil || idle {
		return current, err
	}
	err = l.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Raw("SELECT position FROM feed_head FOR UPDATE").Scan(&head).Error; err != nil {
			return err
		}
		if err := l.enterEpoch(tx, head); err != nil {
			return err
		}
		// A statement of its own: it sees what was committed until now, the lock being held.
		return tx.Raw(`WITH fresh AS (
				SELECT id, row_number() OVER (ORDER BY seq) AS nth FROM case_events WHERE position IS NULL
			), stamped AS (
				UPDATE case_events e SET position = ? + fresh.nth FROM fresh WHERE e.id = fresh.id RETURNING 1
			), counted AS (SELECT count(*) AS n FROM stamped)
			UPDATE feed_head SET position = position + counted.n FROM counted RETURNING position`, head).Scan(&head).Error
	})
	if err != nil {
		return 0, fmt.Errorf("stamp the log: %w", err)
	}
	return head, l.loadEpochs(ctx)
}

// idle tells, by one look, whether there is nothing to stamp and the cluster is the one that was last seen.
func (l *Log) idle(ctx context.Context) (head int64, idle bool, err error) {
	var seen struct {
		Position int64
		Idle     bool
		Epoch    int64
	}
	err = l.db.Gorm.WithContext(ctx).Raw(`SELECT h.position, coalesce(e.id, 0) AS epoch,
			NOT EXISTS (SELECT 1 FROM case_events WHERE position IS NULL)
			AND coalesce((e.system_identifier, e.timeline, e.database_oid) = (i.system_identifier, i.timeline, i.database_oid), false) AS idle
		FROM feed_head h CROSS JOIN (` + identity + `) i
		LEFT JOIN (SELECT * FROM feed_epochs ORDER BY id DESC LIMIT 1) e ON true`).Scan(&seen).Error
	if err != nil {
		return 0, false, fmt.Errorf("look at the log's head: %w", err)
	}
	l.mu.Lock()
	known := len(l.epochs) > 0 && l.epochs[len(l.epochs)-1].ID == seen.Epoch
	l.mu.Unlock()
	if seen.Idle && !known {
		err = l.loadEpochs(ctx)
	}
	return seen.Position, seen.Idle, err
}

// enterEpoch begins a new epoch where the cluster is another than the log was last stamped on.
func (l *Log) enterEpoch(tx *gorm.DB, head int64) error {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails, by its documentation
	return tx.Exec(`INSERT INTO feed_epochs (nonce, after_position, system_identifier, timeline, database_oid)
		SELECT ?, ?, i.system_identifier, i.timeline, i.database_oid FROM (`+identity+`) i
		WHERE (i.system_identifier, i.timeline, i.database_oid) IS DISTINCT FROM
			(SELECT (e.system_identifier, e.timeline, e.database_oid) FROM feed_epochs e ORDER BY id DESC LIMIT 1)`,
		hex.EncodeToString(nonce[:]), head).Error
}

func (l *Log) loadEpochs(ctx context.Context) error {
	var epochs []epoch
	if err := l.db.Gorm.WithContext(ctx).Raw("SELECT id, nonce, after_position FROM feed_epochs ORDER BY id").Scan(&epochs).Error; err != nil {
		return fmt.Errorf("read the log's epochs: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(epochs) > len(l.epochs) && len(l.epochs) > 0 {
		// What a failover lost must not be shown again as what stands there now.
		if after := epochs[len(epochs)-1].AfterPosition; l.tail > after {
			l.memory, l.bytes, l.tail = nil, 0, after
		}
		l.announce()
	}
	l.epochs = epochs
	return nil
}
