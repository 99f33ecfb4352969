package event

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// epoch is one life of the log on one cluster: the positions after its After, up to the next one's, are its own.
type epoch struct {
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
	at, err := l.head(ctx)
	return at.position, err
}

// head stamps, and answers with the head and its epoch, read together. The epochs that are known here include it.
func (l *Log) head(ctx context.Context) (place, error) {
	head, idle, err := l.idle(ctx)
	if err == nil && !idle {
		head, err = l.stamp(ctx)
	}
	if err != nil {
		return place{}, err
	}
	l.mu.Lock()
	known := l.nonce() == head.nonce
	l.mu.Unlock()
	if !known {
		err = l.loadEpochs(ctx)
	}
	return head, err
}

func (l *Log) stamp(ctx context.Context) (head place, err error) {
	err = l.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Raw("SELECT position FROM feed_head FOR UPDATE").Scan(&head.position).Error; err != nil {
			return err
		}
		if err := beginEpoch(tx, head.position, true); err != nil {
			return err
		}
		if err := tx.Raw("SELECT nonce FROM feed_epochs ORDER BY id DESC LIMIT 1").Scan(&head.nonce).Error; err != nil {
			return err
		}
		// A statement of its own: it sees what was committed until now, the lock being held.
		return tx.Raw(`WITH fresh AS (
				SELECT id, row_number() OVER (ORDER BY seq) AS nth FROM case_events WHERE position IS NULL
			), stamped AS (
				UPDATE case_events e SET position = ? + fresh.nth FROM fresh WHERE e.id = fresh.id RETURNING 1
			), counted AS (SELECT count(*) AS n FROM stamped)
			UPDATE feed_head SET position = position + counted.n FROM counted RETURNING position`, head.position).Scan(&head.position).Error
	})
	if err != nil {
		return place{}, fmt.Errorf("stamp the log: %w", err)
	}
	return head, nil
}

// idle tells, by one look, whether there is nothing to stamp and the cluster is the one that was last seen.
func (l *Log) idle(ctx context.Context) (head place, idle bool, err error) {
	var seen struct {
		Position int64
		Idle     bool
		Nonce    string
	}
	err = l.db.Gorm.WithContext(ctx).Raw(`SELECT h.position, coalesce(e.nonce, '') AS nonce,
			NOT EXISTS (SELECT 1 FROM case_events WHERE position IS NULL)
			AND coalesce((e.system_identifier, e.timeline, e.database_oid) = (i.system_identifier, i.timeline, i.database_oid), false) AS idle
		FROM feed_head h CROSS JOIN (` + identity + `) i
		LEFT JOIN (SELECT * FROM feed_epochs ORDER BY id DESC LIMIT 1) e ON true`).Scan(&seen).Error
	if err != nil {
		return place{}, false, fmt.Errorf("look at the log's head: %w", err)
	}
	return place{seen.Nonce, seen.Position}, seen.Idle, nil
}

func (l *Log) loadEpochs(ctx context.Context) error {
	l.loading.Lock() // never an older list after a newer one
	defer l.loading.Unlock()
	var epochs []epoch
	if err := l.db.Gorm.WithContext(ctx).Raw("SELECT nonce, after_position FROM feed_epochs ORDER BY id").Scan(&epochs).Error; err != nil {
		return fmt.Errorf("read the log's epochs: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	same := 0
	for same < min(len(epochs), len(l.epochs)) && epochs[same] == l.epochs[same] {
		same++
	}
	if len(l.epochs) > 0 && (same < len(epochs) || same < len(l.epochs)) {
		// What a failover lost must not be shown again as what stands there now. Of several new epochs the first
		// says from where on; and an epoch may be lost itself.
		for _, e := range slices.Concat(epochs[same:], l.epochs[same:]) {
			if l.tail > e.AfterPosition {
				l.memory, l.newest, l.bytes, l.tail = nil, nil, 0, e.AfterPosition
			}
		}
		l.announce()
		l.wake.Send()
	}
	l.epochs = epochs
	return nil
}

// nonce is that of the newest epoch; empty where none is known. The caller holds the lock.
func (l *Log) nonce() string {
	if len(l.epochs) == 0 {
		return ""
	}
	return l.epochs[len(l.epochs)-1].Nonce
}
