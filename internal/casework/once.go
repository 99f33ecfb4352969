package casework

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	keyMax    = 200 // characters
	keyKept   = 24 * time.Hour
	keyEvery  = time.Hour // between two looks for keys that are older
	keysBatch = 10_000    // of them deleted in one statement
)

// call is a mutation that may carry an idempotency key.
type call struct {
	mutation string
	key      *string // nil: none, and the call is carried out whenever it comes
	input    any     // all of it, as JSON tells it apart
}

// once is one transaction that is carried out once for each key: sent again with the same key by the same user within a
// day, the call changes nothing and answers as the first time. do carries it out and says what is to be kept: the ids of
// what it made. again answers from what do kept, by reading those again.
//
// The key is claimed before anything else is locked, in the same transaction. Who comes at the same time with the same
// key waits for that: where it is committed, they answer as it did; where it failed, no key is left, and it is theirs.
func once[Kept any](ctx context.Context, w *Work, viewer auth.Viewer, c call, do func(tx *gorm.DB, now time.Time) (Kept, error), again func(tx *gorm.DB, kept Kept) error) error {
	if c.key == nil {
		return w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
			_, err := do(tx, now)
			return err
		})
	}
	claim, err := c.claim(viewer)
	if err != nil {
		return err
	}
	return w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		raw, err := claim.take(tx, now)
		if err != nil {
			return err
		}
		var kept Kept
		if raw != nil {
			if err := json.Unmarshal(raw, &kept); err != nil {
				return fmt.Errorf("read what a call made: %w", err)
			}
			return again(tx, kept)
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

func (c call) claim(viewer auth.Viewer) (*claim, error) {
	if n := utf8.RuneCountInString(*c.key); n < 1 || n > keyMax {
		return nil, fault.Input("input.idempotencyKey", "a key has from 1 to %d characters, not %d", keyMax, n)
	}
	raw, err := json.Marshal(c.input)
	if err != nil {
		return nil, fmt.Errorf("tell a call's input apart: %w", err)
	}
	key, input := sha256.Sum256([]byte(*c.key)), sha256.Sum256(raw)
	return &claim{UserID: viewer.User.ID, Key: key[:], Mutation: c.mutation, Input: input[:]}, nil
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

// onceTold is once for a call that answers with one event and its case: the event's id is kept.
func onceTold(ctx context.Context, w *Work, viewer auth.Viewer, c call, answer func(*model.Case, *model.LoggedEvent),
	do func(tx *gorm.DB, now time.Time) (*model.Case, *model.LoggedEvent, error),
) error {
	return once(ctx, w, viewer, c, func(tx *gorm.DB, now time.Time) (id model.EventID, err error) {
		of, logged, err := do(tx, now)
		if err != nil {
			return id, err
		}
		answer(of, logged)
		return logged.ID, nil
	}, func(tx *gorm.DB, id model.EventID) error {
		of, logged, err := w.readAgain(tx, viewer, id)
		if err != nil {
			return err
		}
		answer(of, logged)
		return nil
	})
}

// readAgain gives an event that a call of the viewer's made, and its case as it is now. Where the case has left the
// viewer's scope since, or by the call itself, it is as the first answer had it: they learn nothing new of it.
func (w *Work) readAgain(tx *gorm.DB, viewer auth.Viewer, id model.EventID) (*model.Case, *model.LoggedEvent, error) {
	logged, err := event.Read(tx, id)
	if err != nil {
		return nil, nil, err
	}
	of := new(model.Case)
	err = tx.Where("id = ?", logged.CaseID).Where(viewer.Scope().Cases(w.now())).Take(of).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		then := logged.Then.Case
		then.Customer, then.Response = &logged.Then.Customer, logged.Then.Response
		return &then, logged, nil
	}
	return of, logged, pg.WrapErr("read a case again", err)
}

// ForgetKeys deletes idempotency keys that are older than a day, once an hour, until ctx ends. Every server runs it;
// what one deletes the others pass over.
func (w *Work) ForgetKeys(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(keyEvery)
	defer tick.Stop()
	for {
		if _, err := w.DeleteOldKeys(ctx); err != nil && ctx.Err() == nil {
			log.Error("old idempotency keys cannot be deleted; it is tried again in an hour", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// DeleteOldKeys deletes the idempotency keys that are older than a day and answers with how many there were.
func (w *Work) DeleteOldKeys(ctx context.Context) (deleted int, err error) {
	for {
		batch := w.db.Gorm.WithContext(ctx).Exec(`DELETE FROM idempotency_keys WHERE (user_id, key) IN
			(SELECT user_id, key FROM idempotency_keys WHERE created_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)`,
			w.now().UTC().Add(-keyKept), keysBatch)
		deleted += int(batch.RowsAffected)
		if batch.Error != nil || batch.RowsAffected < keysBatch {
			return deleted, pg.WrapErr("delete old idempotency keys", batch.Error)
		}
	}
}
