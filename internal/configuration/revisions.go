// Package configuration owns the revision of the configuration, which every change of users, tokens, rules, themes,
// settings, webhooks and sources raises in its transaction (triggers do, see migrations/00017_configuration.sql). Whoever
// remembers a part of the configuration remembers the revision with it, read before the part: while the revision stays,
// nothing has changed.
//
// It refuses to know what the configuration says.
package configuration

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/shared"
)

const (
	usableFor    = time.Second            // how old what Recent returns may be
	refreshAfter = 500 * time.Millisecond // from when on one caller of Recent reads it again
)

// Revision is a state of the configuration. A later state has a greater one.
type Revision int64

// Revisions knows the newest revision of one database.
type Revisions struct {
	db   *pg.DB
	now  func() time.Time
	read *shared.Question[Revision]

	mu         sync.Mutex
	newest     Revision
	at         time.Time // newest was the newest at this time, or later; zero: not known
	changes    int       // of this process
	refreshing bool
}

// New makes the Revisions of a database. All that changes the configuration in this process must use the same.
func New(db *pg.DB, now func() time.Time) *Revisions {
	return &Revisions{db: db, now: now, read: shared.New[Revision]()}
}

// Change runs a transaction that changes the configuration, like pg.DB.Tx. Whoever calls Recent after it gets the new
// revision.
func (r *Revisions) Change(ctx context.Context, do func(tx *gorm.DB) error) error {
	defer r.forget() // after an error too: a commit may have taken place whose answer was lost
	return r.db.Tx(ctx, do)
}

func (r *Revisions) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = time.Time{}
	r.changes++
}

// Recent returns a revision that was the newest at most a second ago, and after the last Change of this process. While it
// is called more often than twice a second, one call in half a second costs a small statement, and the others nothing.
func (r *Revisions) Recent(ctx context.Context) (Revision, error) {
	newest, left, refresh := r.known()
	switch {
	case left <= 0:
		return r.Current(ctx)
	case !refresh:
		return newest, nil
	}
	defer r.refreshed()
	limited, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	if revision, err := r.Current(limited); err == nil {
		return revision, nil
	}
	return newest, nil // whoever comes when it is too old gets the error
}

// known returns the newest revision, for how long it is recent, and whether the caller must read it again, who then calls
// refreshed.
func (r *Revisions) known() (newest Revision, left time.Duration, refresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	age := r.now().Sub(r.at)
	if r.at.IsZero() || age < 0 { // a clock may be set back
		return 0, 0, false
	}
	refresh = age >= refreshAfter && age < usableFor && !r.refreshing
	r.refreshing = r.refreshing || refresh
	return r.newest, usableFor - age, refresh
}

func (r *Revisions) refreshed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refreshing = false
}

// Current returns the revision that was the newest at some time after the call. Calls at the same time share a statement.
func (r *Revisions) Current(ctx context.Context) (Revision, error) {
	return r.read.Ask(ctx, func() (Revision, error) { return r.load(ctx) })
}

func (r *Revisions) load(ctx context.Context) (revision Revision, err error) {
	r.mu.Lock()
	began, changes := r.now(), r.changes
	r.mu.Unlock()
	if err := r.db.Lane(pg.Revision).Pool.QueryRow(ctx, "SELECT revision FROM configuration").Scan(&revision); err != nil {
		return 0, fmt.Errorf("read the configuration's revision: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.newest = revision; changes == r.changes {
		r.at = began
	}
	return revision, nil
}
