// Package idempotency owns idempotency keys: a mutation with a key is executed once, and returns the same payload when it
// is sent again within a day.
//
// It does not execute the mutation itself; the caller passes the transaction, and a function that rebuilds the payload.
package idempotency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	keyMax      = 200 // characters
	keyLifetime = 24 * time.Hour
	keyEvery    = time.Hour // the time between two deletions of old keys
	keysBatch   = 10_000    // old keys deleted by one statement
)

// Call is a mutation that may carry an idempotency key.
type Call struct {
	Mutation string
	Key      *string // nil: the call is executed every time it is sent
	Input    any     // the whole input: inputs are the same if their JSON is the same
}

// Write runs one transaction, as casework's Work.Write does.
type Write func(ctx context.Context, do func(tx *gorm.DB, now time.Time) error) error

// Run executes a call in one transaction, once for each key: when the same user sends the call again with the same key
// within a day, the call changes nothing and returns the first payload again. do executes the call and returns the ids of
// the rows that it created, which Run stores. replay rebuilds the payload by reading the rows with the stored ids.
//
// A key belongs to a user: a viewer without a user (auth.System, or the zero Viewer) must not use one.
//
// The transaction claims the key before it locks anything else. A second call with the same key waits for that
// transaction. If the transaction commits, the second call returns the same payload as the first. If the transaction
// fails, no key is stored, and the second call claims the key.
func Run[Answer any](ctx context.Context, write Write, viewer auth.Viewer, c Call, do func(tx *gorm.DB, now time.Time) (Answer, error), replay func(tx *gorm.DB, answer Answer) error) error {
	if c.Key == nil {
		return write(ctx, func(tx *gorm.DB, now time.Time) error {
			_, err := do(tx, now)
			return err
		})
	}
	claim, err := c.claim(viewer)
	if err != nil {
		return err
	}
	return write(ctx, func(tx *gorm.DB, now time.Time) error {
		stored, err := claim.take(tx, now)
		if err != nil {
			return err
		}
		var answer Answer
		if stored != nil {
			if err := json.Unmarshal(stored, &answer); err != nil {
				return fmt.Errorf("decode the stored answer of a call: %w", err)
			}
			return replay(tx, answer)
		}
		if answer, err = do(tx, now); err != nil {
			return err
		}
		return claim.store(tx, answer)
	})
}

// claim is the row of a call with a key.
type claim struct {
	UserID    model.UserID
	Key       []byte
	Mutation  string
	Input     []byte
	Answer    json.RawMessage `gorm:"type:jsonb"`
	CreatedAt time.Time
}

// TableName implements gorm's Tabler.
func (claim) TableName() string { return "idempotency_keys" }

// Check returns the fault of the call's key, so that the caller can join it with the faults of the rest of the input. A call
// without a key has none.
func (c Call) Check(viewer auth.Viewer) error {
	if c.Key == nil {
		return nil
	}
	if viewer.User == nil {
		return fault.Input("input.idempotencyKey", "an idempotency key belongs to a user: sign in, or leave the key out")
	}
	if n := utf8.RuneCountInString(*c.Key); n < 1 || n > keyMax {
		return fault.Input("input.idempotencyKey", "an idempotency key must have from 1 to %d characters, not %d", keyMax, n)
	}
	return nil
}

func (c Call) claim(viewer auth.Viewer) (*claim, error) {
	if err := c.Check(viewer); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(c.Input)
	if err != nil {
		return nil, fmt.Errorf("hash the input of a call: %w", err)
	}
	key, input := sha256.Sum256([]byte(*c.Key)), sha256.Sum256(raw)
	return &claim{UserID: viewer.User.ID, Key: key[:], Mutation: c.Mutation, Input: input[:]}, nil
}

// take claims the key for the call, or returns the answer of the earlier call that claimed it. A key that is older than a
// day can be claimed again, even if its row has not been deleted yet.
func (c *claim) take(tx *gorm.DB, now time.Time) (answer json.RawMessage, err error) {
	var claimed []bool
	var stored []*claim
	err = pg.Pipelined(tx, func(p *pg.Pipeline) {
		p.Query("claim an idempotency key", `INSERT INTO idempotency_keys AS k (user_id, key, mutation, input, created_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (user_id, key) DO UPDATE SET mutation = excluded.mutation, input = excluded.input, answer = NULL, created_at = excluded.created_at
			WHERE k.created_at <= $6 RETURNING true`,
			[]any{c.UserID, c.Key, c.Mutation, c.Input, now, now.Add(-keyLifetime)}, func(rows pgx.Rows) (err error) {
				claimed, err = pgx.CollectRows(rows, pgx.RowTo[bool])
				return err
			})
		pg.AddFind(p, "read an idempotency key", tx.Where("user_id = ? AND key = ?", c.UserID, c.Key), &stored)
	})
	if err != nil || len(claimed) == 1 {
		return nil, err
	}
	earlier := stored[0]
	if earlier.Mutation != c.Mutation || !bytes.Equal(earlier.Input, c.Input) {
		return nil, fault.Input("input.idempotencyKey",
			"this key was used within the last day for %s, as another mutation or with another input: send a new key with each new call", earlier.Mutation)
	}
	return earlier.Answer, nil
}

func (c *claim) store(tx *gorm.DB, answer any) error {
	raw, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("store the answer of a call: %w", err)
	}
	return pg.Later(tx, func(p *pg.Pipeline) {
		p.Exec("store the answer of a call", "UPDATE idempotency_keys SET answer = $1 WHERE user_id = $2 AND key = $3", json.RawMessage(raw), c.UserID, c.Key)
	})
}

// PruneKeys deletes idempotency keys that are older than a day, once an hour, until ctx ends. Every server runs it; one
// server skips the keys that another server is deleting.
func PruneKeys(ctx context.Context, db *pg.DB, now func() time.Time, log *slog.Logger) {
	job.Every(ctx, keyEvery, nil, job.Task{
		Trouble: "cannot delete old idempotency keys; trying again in an hour", Log: log,
		Do: func(ctx context.Context) (more bool, err error) {
			_, err = Prune(ctx, db, now())
			return false, err
		},
	})
}

// Prune deletes the idempotency keys that are older than a day, and returns their number.
func Prune(ctx context.Context, db *pg.DB, now time.Time) (deleted int, err error) {
	for {
		batch := db.Gorm.WithContext(ctx).Exec(`DELETE FROM idempotency_keys WHERE (user_id, key) IN
			(SELECT user_id, key FROM idempotency_keys WHERE created_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)`,
			now.UTC().Add(-keyLifetime), keysBatch)
		deleted += int(batch.RowsAffected)
		if batch.Error != nil || batch.RowsAffected < keysBatch {
			return deleted, pg.WrapErr("delete old idempotency keys", batch.Error)
		}
	}
}
