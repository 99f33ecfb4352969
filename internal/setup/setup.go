// Package setup owns the writes that configure: users, tokens, rules, webhooks and settings. An exported method is one
// transaction.
//
// It refuses what closes the loop (casework's), and calls there where a user who leaves hands their cases on.
package setup

import (
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
)

// Setup carries the writes out.
type Setup struct {
	db   *pg.DB
	work *casework.Work
	log  *event.Log
	now  func() time.Time

	egress egress.Policy
}

// New makes the writes of one database.
func New(db *pg.DB, work *casework.Work, log *event.Log, now func() time.Time) *Setup {
	return &Setup{db: db, work: work, log: log, now: now}
}

func (s *Setup) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }
