// Package casework owns the changes of a case and their transaction: a case is opened, assigned, escalated and closed,
// and gets notes. A mutation of Work is one transaction: its rows, its events in the log and its mails in the queue are
// committed together or not at all. The packages that import casework (intake, customer, privacy, passive, theme) begin
// their transactions with Work.Write, and change cases only through LockedCase.
//
// It does not read cases for display; package read does. It does not change settings; package settings does.
//
// Every call takes its locks in one order, so that calls do not deadlock: an idempotency key → the configuration
// (advisory) → identities (advisory, sorted) → customers' rows by id → users' rows → rules' turns, and users' loads
// (advisory) → cases' rows by id → at the commit, by triggers, the passives' queue and the configuration's revision. If
// PostgreSQL still finds a deadlock, pg.Tx repeats the call.
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

// Work performs the writes of one database.
type Work struct {
	db    *pg.DB
	log   *event.Log
	queue *job.Queue
	now   func() time.Time
}

// New returns the Work of one database.
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

// Now is the time of Work's clock, with the precision that PostgreSQL stores.
func (w *Work) Now() time.Time { return pg.Timestamp(w.now()) }

// AddMail adds the notifications of mails to a pipeline; see job.Queue.
func (w *Work) AddMail(p *pg.Pipeline, mails []model.Notification) { w.queue.AddMail(p, mails) }

// RowErr returns NOT_FOUND for the argument where the row is missing, and wraps any other error.
func RowErr(err error, argument, what string) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fault.NotFound(argument, "there is no such %s", what)
	}
	return fmt.Errorf("read a %s: %w", what, err)
}

// ErrErased returns the CONFLICT of a write to a customer whose personal data was erased.
func ErrErased(argument string) error {
	return &fault.Error{Code: fault.CodeConflict, Argument: argument, Message: "this customer's personal data was erased, so the customer can no longer be changed"}
}

// payload returns nil instead of the payload of a transaction that failed.
func payload[T any](out *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}
