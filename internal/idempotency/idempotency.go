// Package idempotency owns calls that come twice: a mutation that carries a key is carried out once, and answers the
// same when it is sent again within a day.
//
// It refuses to know what a call does: the caller hands in the transaction, and how an answer is read again.
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

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	keyMax    = 200 // characters
	keyKept   = 24 * time.Hour
	keyEvery  = time.Hour // between two looks for keys that are older
	keysBatch = 10_000    // of them deleted in one statement
)

// Call is a mutation that may carry an idempotency key.
type Call struct {
	Mutation string
	Key      *string // nil: there is none, and the call is carried out whenever it comes
	Input    any     // all of it, as JSON tells it apart
}

// Write runs one transaction, as casework's Work.Write does.
type Write func(ctx context.Context, do func(tx *gorm.DB, now time.Time) error) error

// Run is one transaction that is carried out once for each key: sent again with the same key by the same user within a
// day, the call changes nothing and answers as the first time. do carries the call out and returns what is to be kept:
// the ids of what it made. replay answers from what do kept, by reading those rows again.
//
// The key is claimed before anything else is locked, in the same transaction. A second call with the same key waits for
// that transaction: where it commits, the second call answers as the first did; where it fails, no key is left, and the
// second call claims it.
func Run[Kept any](ctx context.Context, write Write, viewer auth.Viewer, c Call, do func(tx *gorm.DB, now time.Time) (Kept, error), replay func(tx *gorm.DB, kept Kept) error) error {
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
		raw, err := claim.take(tx, now)
		if err != nil {
			return err
		}
		var kept Kept
		if raw != nil {
			if err := json.Unmarshal(raw, &kept); err != nil {
				return fmt.Errorf("read what a call made: %w", err)
			}
			return replay(tx, kept)
		}
		if kept, err = do(tx, now); err != nil {
			return err
		}
		return claim.keep(tx, kept)
	})
}

// claim is a call with a key, as its row says it.
type claim struct {
	UserID    model.UserID
	Key       []byte
	Mutation  string
	Input     []byte
	Answer    json.RawMessage `gorm:"type:jsonb"`
	CreatedAt time.Time
}

// TableName says what the claims are.
func (claim) TableName() string { return "idempotency_keys" }

func (c Call) claim(viewer auth.Viewer) (*claim, error) {
	if n := utf8.RuneCountInString(*c.Key); n < 1 || n > keyMax {
		return nil, fault.Input("input.idempotencyKey", "a key has from 1 to %d characters, not %d", keyMax, n)
	}
	raw, err := json.Marshal(c.Input)
	if err != nil {
		return nil, fmt.Errorf("tell a call's input apart: %w", err)
	}
	key, input := sha256.Sum256([]byte(*c.Key)), sha256.Sum256(raw)
	return &claim{UserID: viewer.User.ID, Key: key[:], Mutation: c.Mutation, Input: input[:]}, nil
}

// take makes the key the call's, or gives the answer of the call that had it before. A key that is older than a day
// counts for nothing, whether or not it has been deleted.
func (c *claim) take(tx *gorm.DB, now time.Time) (answer json.RawMessage, err error) {
	c.CreatedAt, c.Answer = now, nil
	made := tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "user_id"}, {Name: "key"}},
		DoUpdates: clause.AssignmentColumns([]string{"mutation", "input", "answer", "created_at"}),
		Where:     clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "idempotency_keys.created_at <= ?", Vars: []any{now.Add(-keyKept)}}}},
	}).Create(c)
	if made.Error != nil || made.RowsAffected == 1 {
		return nil, pg.WrapErr("claim an idempotency key", made.Error)
	}
	var before claim
	if err := tx.Where("user_id = ? AND key = ?", c.UserID, c.Key).Take(&before).Error; err != nil {
		return nil, fmt.Errorf("read an idempotency key: %w", err)
	}
	if before.Mutation != c.Mutation || !bytes.Equal(before.Input, c.Input) {
		return nil, fault.Input("input.idempotencyKey",
			"you have used this key within the last day, for %s with another input or another mutation: each call needs a key of its own", before.Mutation)
	}
	return before.Answer, nil
}

func (c *claim) keep(tx *gorm.DB, kept any) error {
	raw, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("keep what a call made: %w", err)
	}
	err = tx.Model(&claim{}).Where("user_id = ? AND key = ?", c.UserID, c.Key).Update("answer", json.RawMessage(raw)).Error
	return pg.WrapErr("keep what a call made", err)
}

// PruneKeys deletes idempotency keys that are older than a day, once an hour, until ctx ends. Every server runs it; one
// server passes over the keys that another one is deleting.
func PruneKeys(ctx context.Context, db *pg.DB, now func() time.Time, log *slog.Logger) {
	job.Every(ctx, keyEvery, nil, job.Task{
		Trouble: "old idempotency keys cannot be deleted; it is tried again every hour", Log: log,
		Do: func(ctx context.Context) (more bool, err error) {
			_, err = Prune(ctx, db, now())
			return false, err
		},
	})
}

// Prune deletes the idempotency keys that are older than a day, and returns how many there were.
func Prune(ctx context.Context, db *pg.DB, now time.Time) (deleted int, err error) {
	for {
		batch := db.Gorm.WithContext(ctx).Exec(`DELETE FROM idempotency_keys WHERE (user_id, key) IN
			(SELECT user_id, key FROM idempotency_keys WHERE created_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)`,
			now.UTC().Add(-keyKept), keysBatch)
		deleted += int(batch.RowsAffected)
		if batch.Error != nil || batch.RowsAffected < keysBatch {
			return deleted, pg.WrapErr("delete old idempotency keys", batch.Error)
		}
	}
}
