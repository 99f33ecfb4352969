// Package casework owns what is done to a case, and the transaction in which it is done: a case is opened, assigned,
// noted on, escalated and closed. An exported method of Work is one transaction: it does all it says, with its events
// in the log and its mails in the queue, or nothing. The rooms above (intake, customer, privacy, passive, theme) write
// through Work.Write and change cases through LockedCase alone.
//
// It refuses reading for show (read's), and settings (the room settings does).
//
// Locks are taken in one order, so that no two calls wait for each other: an idempotency key → identities (advisory,
// sorted) → keywords (advisory) → customers' rows by id → users' rows → rules' turns, and users' loads (advisory) →
// cases' rows by id → at the commit, by triggers, the passives' queue. pg.Tx tries a call again where PostgreSQL finds
// a deadlock all the same.
package casework

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Work carries the writes out.
type Work struct {
	db    *pg.DB
	log   *event.Log
	queue *job.Queue
	now   func() time.Time
}

// New makes the writes of one database.
func New(db *pg.DB, log *event.Log, queue *job.Queue, now func() time.Time) *Work {
	return &Work{db: db, log: log, queue: queue, now: now}
}

// Write runs one transaction, and wakes the log's followers once it is committed. do may run several times: see pg.Tx.
func (w *Work) Write(ctx context.Context, do func(tx *gorm.DB, now time.Time) error) error {
	err := w.db.Tx(ctx, func(tx *gorm.DB) error { return do(tx, w.Now()) })
	if err == nil {
		w.log.Wake()
	}
	return err
}

// Now is the time by the clock of the writes, as PostgreSQL stores it.
func (w *Work) Now() time.Time { return pg.Timestamp(w.now()) }

// Mail queues mails in the caller's transaction.
func (w *Work) Mail(ctx context.Context, tx *gorm.DB, mails []model.Notification) error {
	return w.queue.Mail(ctx, tx, mails)
}

// RowErr makes a missing row the fault of the argument that names it.
func RowErr(err error, argument, what string) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fault.NotFound(argument, "there is no such %s", what)
	}
	return fmt.Errorf("read a %s: %w", what, err)
}

// ErrErased refuses to write about a customer whose personal data was removed for good.
func ErrErased(argument string) error {
	return &fault.Error{Code: fault.CodeConflict, Argument: argument, Message: "this customer's personal data was erased, for good"}
}

// payload drops the payload of a transaction that failed.
func payload[T any](out *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}
