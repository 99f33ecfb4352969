// Package sample owns made-up data: a team, rules, customers, a year of their responses with what was done about
// them, and, for as long as it runs, new responses and people at work. It is for looking around in; nothing in it is
// about anybody.
//
// It writes through setup and casework as any client would, with a clock of its own for the past, and refuses to
// mix with real data: where a database has customers that it did not make, it does nothing. It also refuses to send
// mail about its past.
package sample

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
)

// Options say where the data goes and how fast it moves.
type Options struct {
	DB    *pg.DB
	Feed  *event.Log
	Queue *job.Queue
	Log   *slog.Logger     // nil: nowhere
	Now   func() time.Time // nil: time.Now
	Every time.Duration    // from one new response to the next; 0: 4 s
	Made  func()           // called once, when no past is being made any more, however that ended; nil: nobody is
	Step  func()           // called after each live step; nil: nobody is

	customers int // of the past; 0: 300
}

const (
	everyDefault     = 4 * time.Second
	customersDefault = 300
)

// Run makes the past where the database has no customers yet, and then keeps things moving until ctx ends; then it
// answers nil. A past that was cut off is not made again and not gone on with.
//
// While the past is being made, its cases are open at a clock of their own: who looks for cases that fall overdue
// now must not look before Made is called.
func Run(ctx context.Context, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every <= 0 {
		o.Every = everyDefault
	}
	if o.customers == 0 {
		o.customers = customersDefault
	}
	ours, err := begin(ctx, o)
	if o.Made != nil {
		o.Made()
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case ours && err == nil:
		keepMoving(ctx, o)
	}
	return err
}

// begin makes the past if there is none, and tells whether the data is ours to go on with.
func begin(ctx context.Context, o Options) (ours bool, err error) {
	var found struct{ Anybody, Ours bool }
	err = o.DB.Gorm.WithContext(ctx).Raw(`SELECT EXISTS (SELECT FROM customers) AS anybody,
		EXISTS (SELECT FROM customers WHERE external_id LIKE ?) AS ours`, idPrefix+"%").Scan(&found).Error
	switch {
	case err != nil:
		return false, fmt.Errorf("look for sample data: %w", err)
	case !found.Anybody:
		if err := makePast(ctx, o); err != nil {
			return false, fmt.Errorf("make a past up: %w", err)
		}
		return true, nil
	case !found.Ours:
		o.Log.WarnContext(ctx, "no sample data is made: the database has customers of its own")
	}
	return found.Ours, nil
}

// The same now gives the same past.
const seed = 20090214

// dice are the random numbers of one thing of the past, apart from those of every other.
func dice(kind, nth int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(kind)<<32|uint64(nth))) }

const (
	dicePeople = iota
	diceAnswers
	diceWork
)

func pick[T any](d *rand.Rand, list []T) T { return list[d.IntN(len(list))] }

func chance(d *rand.Rand, p float64) bool { return d.Float64() < p }

// span is a duration between the two, each as likely.
func span(d *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(d.Int64N(int64(to-from)))
}
