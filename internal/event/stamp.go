package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/pg"
)

// epoch is one life of the log on one cluster. The positions after AfterPosition belong to it, up to and including the
// AfterPosition of the next epoch.
type epoch struct {
	Nonce         string
	AfterPosition int64
}

// identity reads what identifies the cluster: its system identifier, its timeline (a promoted standby begins a new one)
// and the database's oid (a restored dump gets a new one).
const identity = `SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
	substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline,
	(SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database_oid`

// Stamp gives every committed event its position and returns the head: the last position. Any server may stamp; they take
// turns, because stamping locks the row of feed_head. An event that is not yet committed gets a later position, so
// stamping never waits for a writer.
func (l *Log) Stamp(ctx context.Context) (head int64, err error) {
	at, err := l.head(ctx)
	return at.position, err
}

// head stamps and returns the cursor of the head: position and epoch, read together. The loaded epochs include that one.
// Callers that ask for it at the same time share the stamps.
func (l *Log) head(ctx context.Context) (cursor, error) {
	return l.stamping.Ask(ctx, func() (head cursor, err error) {
		for more := true; more && err == nil; {
			head, more, err = l.stampSome(ctx, nil)
		}
		return head, err
	})
}

// stampSome stamps once, unless the log is idle, and returns the head, and whether more may be waiting. A stamp also reads the
// news that the caller wants, if it wants any.
func (l *Log) stampSome(ctx context.Context, n *news) (head cursor, more bool, err error) {
	idle, fresh := false, l.fresh.Swap(false)
	if !fresh { // else there is something to stamp
		head, idle, err = l.idle(ctx)
	}
	if err == nil && !idle {
		head, more, err = l.stamp(ctx, n)
	}
	if err != nil {
		if fresh { // still, for the next stamp: this one may have ended because the server closes
			l.fresh.Store(true)
		}
		return cursor{}, false, err
	}
	l.mu.Lock()
	known := l.nonce() == head.nonce
	l.mu.Unlock()
	if !known {
		err = l.loadEpochs(ctx)
	}
	return head, more, err
}

// stampMost is how many events a stamp gives positions.
const stampMost = 100

// stamp gives positions in one transaction, whose statements are sent together. Each has a READ COMMITTED snapshot of its
// own: the one that gives positions is taken under the lock, and sees all that is committed by then.
func (l *Log) stamp(ctx context.Context, n *news) (head cursor, more bool, err error) {
	err = pg.Retry(ctx, func() error { // it may meet an erasure, which changes events too
		p := pg.NewPipeline(l.feed.Gorm.WithContext(ctx))
		p.Exec("lock the head", "SELECT FROM feed_head FOR UPDATE")
		p.Exec("begin an epoch", beginEpoch, newNonce(), true)
		p.Query("give positions", givePositions, []any{stampMost, channel, l.name}, func(rows pgx.Rows) error {
			if !rows.Next() {
				return errors.Join(rows.Err(), pgx.ErrNoRows)
			}
			return rows.Scan(&head.position, &head.nonce, &more, nil)
		})
		if n != nil {
			n.began = time.Now()
			pg.AddFind(p, "read the news", l.newsAfter(ctx, n.after), &n.rows)
		}
		return p.Send()
	})
	if err != nil {
		return cursor{}, false, fmt.Errorf("stamp the log: %w", err)
	}
	return head, more, nil
}

// givePositions stamps the events that wait, in the order in which they were written. If they are more than $1, it takes the
// first of them, and some of the last, so that one event does not wait for the thousands of a large transaction before it. One of
// the last is taken only if the event before it in its case has its position. What has got positions is told on the channel $2 in
// the name of $3. NOTIFY takes a lock of the whole cluster at commit, which only other stamps wait for: they take turns anyway.
const givePositions = `WITH waiting AS MATERIALIZED (
		SELECT id, seq, row_number() OVER (ORDER BY seq) AS nth FROM (SELECT id, seq FROM case_events WHERE position IS NULL ORDER BY seq LIMIT $1) oldest
	), large AS MATERIALIZED (
		SELECT count(*) >= $1 AS yes FROM waiting
	), fresh AS (
		SELECT id, row_number() OVER (ORDER BY seq) AS nth FROM (
			SELECT id, seq FROM waiting WHERE nth <= $1 * 4 / 5 OR NOT (SELECT yes FROM large)
			UNION SELECT id, seq FROM (SELECT * FROM case_events WHERE position IS NULL AND (SELECT yes FROM large) ORDER BY seq DESC LIMIT $1 / 5) w
				WHERE version = 1 OR (SELECT position FROM case_events e WHERE e.case_id = w.case_id AND e.version = w.version - 1) IS NOT NULL) chosen
	), stamped AS (
		UPDATE case_events e SET position = h.position + fresh.nth FROM fresh, feed_head h WHERE e.id = fresh.id RETURNING 1
	), counted AS (SELECT count(*) AS n FROM stamped)
	UPDATE feed_head SET position = position + counted.n FROM counted
	RETURNING position, (SELECT nonce FROM feed_epochs ORDER BY id DESC LIMIT 1), (SELECT yes FROM large),
		CASE WHEN counted.n > 0 THEN CAST(pg_notify($2, $3) AS text) END`

// idle reports, with one statement, whether there is nothing to stamp and the cluster is still that of the newest epoch.
func (l *Log) idle(ctx context.Context) (head cursor, idle bool, err error) {
	err = l.feed.Pool.QueryRow(ctx, `SELECT h.position, coalesce(e.nonce, '') AS nonce,
			NOT EXISTS (SELECT 1 FROM case_events WHERE position IS NULL)
			AND coalesce((e.system_identifier, e.timeline, e.database_oid) = (i.system_identifier, i.timeline, i.database_oid), false) AS idle
		FROM feed_head h CROSS JOIN (`+identity+`) i
		LEFT JOIN (SELECT * FROM feed_epochs ORDER BY id DESC LIMIT 1) e ON true`).Scan(&head.position, &head.nonce, &idle)
	if err != nil {
		return cursor{}, false, fmt.Errorf("look at the log's head: %w", err)
	}
	return head, idle, nil
}

func (l *Log) loadEpochs(ctx context.Context) error {
	l.loading.Lock() // so that an older list never replaces a newer one
	defer l.loading.Unlock()
	var epochs []epoch
	if err := l.feed.Gorm.WithContext(ctx).Raw("SELECT nonce, after_position FROM feed_epochs ORDER BY id").Scan(&epochs).Error; err != nil {
		return fmt.Errorf("read the log's epochs: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	same := 0
	for same < min(len(epochs), len(l.epochs)) && epochs[same] == l.epochs[same] {
		same++
	}
	if len(l.epochs) > 0 && (same < len(epochs) || same < len(l.epochs)) {
		// Cached events that a failover lost must not be shown in place of those that now have their positions. Of several
		// new epochs the first one says from which position on events were lost. An epoch may be lost itself.
		for _, e := range slices.Concat(epochs[same:], l.epochs[same:]) {
			if l.tail > e.AfterPosition {
				l.recent, l.newest, l.bytes, l.tail = nil, nil, 0, e.AfterPosition
			}
		}
		l.pages.dropAll()
		l.revision.Add(1)
		l.announce()
		l.wake.Send()
	}
	l.epochs = epochs
	return nil
}

// nonce returns the nonce of the newest loaded epoch; empty if none is loaded. The caller holds the lock.
func (l *Log) nonce() string {
	if len(l.epochs) == 0 {
		return ""
	}
	return l.epochs[len(l.epochs)-1].Nonce
}
