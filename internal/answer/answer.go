// Package answer owns the answers to queries that several callers may have: it keeps them while the database stays as it is,
// and lets callers who ask the same question at the same time share one run.
//
// No answer is older than its question, on any server. Two equal snapshots of PostgreSQL show the same rows in all tables. An
// answer is given from before only if the snapshot before its first statement equals one that was taken after the question
// came. docs/decisions/0028 has the proof.
//
// Package answer refuses to know what a question is, and what its answer depends on besides rows: package httpd puts that
// into the key.
package answer

import (
	"context"
	"crypto/sha256"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/shared"
)

const (
	totalBytes = 32 << 20 // of all answers that are kept
	eachBytes  = 32 << 10 // of one. A larger answer is not kept: sent without a pause, it would occupy a processor for nothing
	ownBytes   = 512      // about what an answer takes besides its data

	patience    = time.Second     // how long a question waits for the run of another one
	lookTimeout = 5 * time.Second // how long looking at the database may take
)

// Key names a question with everything that its answer depends on besides rows.
type Key [sha256.Size]byte

// Answer is the answer to a question. It must not be changed.
type Answer struct {
	Data   []byte
	Points int // that the question was estimated to cost
}

// Answers keeps the answers of one database. A nil *Answers keeps and shares nothing.
type Answers struct {
	db         *pg.DB
	looking    *shared.Question[state]
	total      int
	connection *pgx.Conn // that has looked last; only who looks touches it

	mu      sync.Mutex
	current state                        // what the newest look has seen
	kept    *simplelru.LRU[Key, *Answer] // of runs before which current was seen
	bytes   int
	flights map[Key]*flight
}

// New makes the Answers of a database.
func New(db *pg.DB) *Answers { return newAnswers(db, totalBytes) }

func newAnswers(db *pg.DB, total int) *Answers {
	a := &Answers{db: db.Lane(pg.Revision), looking: shared.New[state](), total: total, flights: map[Key]*flight{}}
	// The error is for a size below 1. The bytes bound the number.
	a.kept, _ = simplelru.NewLRU(math.MaxInt, func(_ Key, dropped *Answer) { a.bytes -= dropped.size() })
	return a
}

// Find returns the answer to a question that was asked before, without a statement. It may be out of date: its Points are for
// who wants to know what the question costs. Whoever gives the answer to a caller must ask Kept.
func (a *Answers) Find(key Key) *Answer {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	found, _ := a.kept.Get(key)
	return found
}

// Kept returns the answer from before if it is what a run would find now; nil if it is not.
func (a *Answers) Kept(ctx context.Context, key Key) *Answer {
	if a.Find(key) == nil {
		return nil
	}
	if _, err := a.look(ctx); err != nil {
		return nil
	}
	return a.Find(key)
}

// Ask returns the answer to a question: the one that is kept, or that of a run, by this caller or another, that began after
// the call. run returns nil for an answer that is nobody else's; it is called once at most. Without an answer Ask returns nil,
// and a caller whose run was not called runs alone: another one's run has failed, or takes long. An answer is kept if keep
// is true.
func (a *Answers) Ask(ctx context.Context, key Key, keep bool, run func() *Answer) *Answer {
	var seen state
	if keep {
		var err error
		if seen, err = a.look(ctx); err != nil {
			return nil // the run will say what is wrong with the database
		}
		if kept := a.Find(key); kept != nil {
			return kept
		}
	}
	f := a.join(key)
	defer a.leave(key, f)
	found, err := f.AskWithin(ctx, patience, func() (*Answer, error) {
		if !keep {
			return run(), nil
		}
		if a.Find(key) != nil { // another run has ended since; others who wait need a look from after they came
			var err error
			if seen, err = a.look(ctx); err != nil {
				return nil, err
			}
			if kept := a.Find(key); kept != nil {
				return kept, nil
			}
		}
		found := run()
		if found != nil {
			a.keep(key, seen, found)
		}
		return found, nil
	})
	if err != nil {
		return nil
	}
	return found
}
