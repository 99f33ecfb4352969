// Package sample owns invented data for trying the program out: a team, rules, customers, and a year of their responses
// and cases. While the program runs, the package adds new responses and works on cases. No name or address in the data
// belongs to a real person.
//
// It writes through the same packages as the API, with a clock of its own for the past. It does not mix invented with real
// data: it changes nothing in a database that has customers which it did not create. It sends no mail about the past.
package sample

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
)

// Options say where the data goes and how fast new data appears.
type Options struct {
	DB            *pg.DB
	Configuration *configuration.Revisions
	Feed          *event.Log
	Queue         *job.Queue
	Log           *slog.Logger     // nil: nothing is logged
	Now           func() time.Time // nil: time.Now
	Every         time.Duration    // between two new responses; 0: 4 s
	Made          func()           // called once when the past is complete, failed, or not needed; may be nil
	Step          func()           // called after each live step; may be nil

	customers int // number of customers in the past; 0: 300
}

const (
	everyDefault     = 4 * time.Second
	customersDefault = 300
)

// Run creates the past where the database has no customers yet, and then adds new data until ctx ends; it then returns
// nil. A past that was interrupted is neither repeated nor completed.
//
// While Run creates the past, the cases follow the clock of the past. The caller must therefore not start the timer that
// marks overdue cases before Made is called: the timer would compare those cases with the present.
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
	isSample, err := preparePast(ctx, o)
	if o.Made != nil {
		o.Made()
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case isSample && err == nil:
		runLive(ctx, o)
	}
	return err
}

// preparePast creates the past if the database is empty, and reports whether the database holds sample data.
func preparePast(ctx context.Context, o Options) (isSample bool, err error) {
	var found struct {
		Anybody bool
		Ours    int
	}
	err = o.DB.Gorm.WithContext(ctx).Raw(`SELECT EXISTS (SELECT FROM customers) AS anybody,
		(SELECT count(*) FROM customers WHERE external_id LIKE ?) AS ours`, idPrefix+"%").Scan(&found).Error
	switch {
	case err != nil:
		return false, fmt.Errorf("look for sample data: %w", err)
	case !found.Anybody:
		if err := makePast(ctx, o); err != nil {
			return false, fmt.Errorf("create the sample data of the past: %w", err)
		}
		return true, nil
	case found.Ours == 0:
		o.Log.WarnContext(ctx, "no sample data is created: the database has customers of its own")
	case found.Ours < o.customers:
		o.Log.WarnContext(ctx, "the sample data has fewer customers than a year of it: the server was stopped while it made the year, or customers were erased; to make it anew, begin with an empty data folder or database",
			"customers", found.Ours, "of", o.customers)
	}
	return found.Ours > 0, nil
}

// seed is fixed, so that two runs with the same current time create the same past.
const seed = 20090214

// dice returns the random source for one thing of the past. Each thing has a source of its own, so that a change to the
// choices for one does not change the others.
func dice(kind, nth int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(kind)<<32|uint64(nth))) }

const (
	dicePeople = iota
	diceAnswers
	diceWork
)

func pick[T any](d *rand.Rand, list []T) T { return list[d.IntN(len(list))] }

func chance(d *rand.Rand, p float64) bool { return d.Float64() < p }

// span returns a random duration in [from, to), evenly distributed.
func span(d *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(d.Int64N(int64(to-from)))
}
