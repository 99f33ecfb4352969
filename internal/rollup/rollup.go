// Package rollup owns the figures of responses by the day, which each server keeps in memory: it counts the responses once,
// and then only the days that have changed since. An answer is the sum of whole days, and of the days that its range cuts,
// which are counted in the table. It is exact at the snapshot of the statement that it asks, which is sent after the call.
// docs/decisions/0037 has the reasons.
//
// Ids of transactions are those of the whole PostgreSQL. While one of them has been open for long, in any of its databases, the
// days that have changed since it began are counted again at each question.
//
// It refuses to know what a question is: package report decides which figures depend only on what triggers watch.
package rollup

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
)

const (
	totalBytes  = 64 << 20         // of all questions that are kept
	mostRows    = 500_000          // of one question: days with their groups
	mostKeys    = 10_000           // groups of one question
	mostChanged = 60               // days that are counted again one by one; with more, all are counted together
	refusedFor  = 10 * time.Minute // until a question with too many groups or days is counted again
	mostLooks   = 4                // for one answer, before the table is counted
)

// Counts are numbers of responses by their category.
type Counts struct{ Promoters, Passives, Detractors int }

// Responses is the number in all categories.
func (c Counts) Responses() int { return c.Promoters + c.Passives + c.Detractors }

// Plus is the sum of both.
func (c Counts) Plus(n Counts) Counts {
	return Counts{c.Promoters + n.Promoters, c.Passives + n.Passives, c.Detractors + n.Detractors}
}

// Key is a group's key, as PostgreSQL writes it as a text.
type Key struct {
	Text string
	None bool // the responses have no value
}

// Row is the number of responses of a group, and of one day if the question asks for days. There is no row of none.
type Row struct {
	Key
	Day time.Time // the date, in UTC; zero if the question does not ask for days
	Counts
}

// Question is what is counted: the responses of a range of time, by a key.
type Question struct {
	// Name is the same for questions that differ in From, To and Daily only. It contains everything that Rows depends on.
	Name string
	// Rows selects the responses, whenever they were given. It depends on nothing but what triggers watch.
	Rows *gorm.DB
	// Key is the SQL of the group's key, as a text.
	Key string
	// Themes says that deleting a theme changes the rows or their keys.
	Themes bool
	// Zone is the IANA name of the time zone of the days.
	Zone string

	From, To *time.Time // the range: from From on, before To; nil: open
	Daily    bool       // a row for each day
}

// Rollup keeps the figures of one database.
type Rollup struct {
	db       *gorm.DB
	total    int // bytes
	mostRows int
	mostKeys int

	mu    sync.Mutex
	kept  *simplelru.LRU[string, *kept]
	bytes int
}

// kept is what is known about one question. Who has its turn reads and changes it.
type kept struct {
	turn    chan struct{}
	begun   atomic.Int64 // how many looks have begun
	refused atomic.Int64 // until this time in nanoseconds the question is not kept

	looked int64 // the number of the last look that succeeded
	life   string
	upto   uint64 // the effects of all transactions below this id are counted
	days   *days  // nil: not counted

	size int // in bytes; Rollup.mu guards it
}

// New makes the rollup of a database. It costs nothing until it is asked.
func New(db *pg.DB) *Rollup { return newRollup(db.Gorm, totalBytes, mostRows, mostKeys) }

func newRollup(db *gorm.DB, total, rows, keys int) *Rollup {
	r := &Rollup{db: db, total: total, mostRows: rows, mostKeys: keys}
	// The error is for a size below 1. The bytes bound the number.
	r.kept, _ = simplelru.NewLRU(math.MaxInt, func(_ string, dropped *kept) { r.bytes -= dropped.size })
	return r
}

// Count answers a question, in no order; false if it cannot: the question is a new one, or has too many groups or days, or
// nobody notes the changes (see Watch). A question is kept from the second time on that it is asked, because keeping it costs
// more than counting once.
func (r *Rollup) Count(ctx context.Context, q Question) (rows []Row, ok bool, err error) {
	k, again := r.find(q.Name)
	if !again || time.Now().UnixNano() < k.refused.Load() {
		return nil, false, nil
	}
	came := k.begun.Load()
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	defer r.account(q.Name, k)
	// Others wait for these statements, and must not wait for the share of the caller who came first, who pays for them.
	ctx = pg.WithClient(ctx, "rollup")
	span := spanOf(q.From, q.To)
	if k.days != nil && k.looked > came && len(k.days.cut(span)) == 0 {
		return k.days.sum(span, q.Daily, nil), true, nil
	}
	for range mostLooks {
		if k.days == nil {
			if ok, err := r.count(ctx, k, q); err != nil || !ok {
				return nil, false, err
			}
			if len(k.days.cut(span)) == 0 {
				return k.days.sum(span, q.Daily, nil), true, nil
			}
		}
		asked := k.days.cut(span)
		cut, err := r.look(ctx, k, q, asked)
		if err != nil {
			return nil, false, err
		}
		if k.days != nil && covers(asked, k.days.cut(span)) {
			return k.days.sum(span, q.Daily, &part{asked, cut}), true, nil
		}
	}
	return nil, false, nil
}

// find returns what is known about a question, and whether it was asked before.
func (r *Rollup) find(name string) (k *kept, again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k, again = r.kept.Get(name); again {
		return k, true
	}
	k = &kept{turn: make(chan struct{}, 1), size: sizeOf(name, nil)}
	r.kept.Add(name, k)
	r.bytes += k.size
	r.shrink()
	return k, false
}

// account counts the bytes of a question anew, and drops those that nobody has asked for the longest time, until the rest fits.
func (r *Rollup) account(name string, k *kept) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now, ok := r.kept.Peek(name); !ok || now != k {
		return // it was dropped
	}
	size := sizeOf(name, k.days)
	r.bytes += size - k.size
	k.size = size
	r.shrink()
}

func (r *Rollup) shrink() {
	for r.bytes > r.total {
		if _, _, ok := r.kept.RemoveOldest(); !ok {
			return
		}
	}
}

// refuse drops what is kept, and lets the tables be counted for a while.
func (k *kept) refuse() {
	k.days = nil
	k.refused.Store(time.Now().Add(refusedFor).UnixNano())
}

// count counts all days. It leaves none, and returns false, if there are too many, or if they take too long.
func (r *Rollup) count(ctx context.Context, k *kept, q Question) (ok bool, err error) {
	number := k.begun.Add(1)
	found := newDays(r.mostKeys)
	answer, err := r.read(ctx, r.countSQL(q), func(line line) bool {
		return found.add(line, false) && found.rows <= r.mostRows
	})
	switch {
	case err != nil && pg.TimedOut(err) && ctx.Err() == nil:
		k.refuse()
		return false, nil
	case err != nil:
		return false, fmt.Errorf("count all days: %w", err)
	case answer.full:
		k.refuse()
		return false, nil
	case answer.life == "":
		return false, nil
	}
	found.compact()
	k.looked, k.life, k.upto, k.days = number, answer.life, answer.upto, found
	return true, nil
}

// look counts the days again that have changed since the last look, and the part of the days cut that is in the question's range.
// It leaves no days where they are to be counted all.
func (r *Rollup) look(ctx context.Context, k *kept, q Question, cut []int32) (*days, error) {
	number := k.begun.Add(1)
	changed, parts := newDays(r.mostKeys), newDays(r.mostKeys)
	answer, err := r.read(ctx, r.lookSQL(q, k.upto, cut), func(line line) bool {
		if line.part == partCut {
			return parts.add(line, false)
		}
		return changed.add(line, line.part == partChanged)
	})
	if err != nil {
		return nil, fmt.Errorf("count the changed days: %w", err)
	}
	if answer.full || !answer.good || answer.life != k.life || q.Themes && answer.themes || answer.changed > mostChanged ||
		!k.days.replace(changed) || k.days.rows > r.mostRows {
		k.days = nil
		return nil, nil
	}
	k.looked, k.upto = number, answer.upto
	return parts, nil
}
