package sample

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/model"
)

// live is what goes on now: with each step one more response, and one thing that the team does.
type live struct {
	Options
	work *casework.Work
	dice *rand.Rand
}

func newLive(o Options, d *rand.Rand) *live {
	return &live{Options: o, dice: d, work: casework.New(o.DB, o.Feed, o.Queue, o.Now)}
}

// keepMoving takes a step now and then until ctx ends.
func keepMoving(ctx context.Context, o Options) {
	l := newLive(o, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	tick := time.NewTicker(o.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, do := range []func(context.Context) error{l.respond, l.followUp} {
			// People look around meanwhile and may have closed the same case: one step more or less is nothing.
			if err := do(ctx); err != nil && ctx.Err() == nil {
				o.Log.WarnContext(ctx, "a step of the sample data failed; the next one goes on", "error", err)
			}
		}
		if o.Step != nil {
			o.Step()
		}
	}
}

// respond has somebody answer: one in three is new, the others have been silent for long.
func (l *live) respond(ctx context.Context) error {
	switch roll := l.dice.Float64(); {
	case roll < 0.33:
		return l.newcomer(ctx)
	case roll < 0.38:
		return l.again(ctx, true)
	}
	return l.again(ctx, false)
}

func (l *live) newcomer(ctx context.Context) error {
	return l.submit(ctx, newPerson(l.dice, model.NewUUID().String()))
}

// again has a customer answer who is known. Where the data feed has news of them too, it is one with cases: the log
// of each tells it.
func (l *live) again(ctx context.Context, changed bool) error {
	p, err := l.known(ctx, changed)
	switch {
	case err != nil:
		return err
	case p == nil:
		return l.newcomer(ctx)
	case changed:
		change(l.dice, &p.data, p.place)
	}
	return l.submit(ctx, p)
}

func (l *live) submit(ctx context.Context, p *person) error {
	in := answer(l.dice, p.place, scoreOf(l.dice, p.mood), topic(l.dice.IntN(int(topics))))
	in.Customer = &p.data
	if _, err := l.work.SubmitResponse(ctx, auth.Viewer{}, in); err != nil {
		return fmt.Errorf("submit a response: %w", err)
	}
	return nil
}

// known is one of those sample customers who have been silent the longest; nil where there is none.
func (l *live) known(ctx context.Context, withCase bool) (*person, error) {
	var c model.Customer
	// Those with cases, which get an event each when their data changes, are not to have dozens.
	err := l.DB.Gorm.WithContext(ctx).Raw(`SELECT * FROM (
			SELECT * FROM customers WHERE external_id LIKE ?
			AND (NOT ? OR (SELECT count(*) FROM cases WHERE customer_id = customers.id) BETWEEN 1 AND 5)
			ORDER BY last_response_at LIMIT 40
		) AS silent ORDER BY random() LIMIT 1`, idPrefix+"%", withCase).Take(&c).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a customer: %w", err)
	}
	p := &person{place: placeOf(c.Country), mood: newMood(l.dice)}
	p.data.ExternalID = c.ExternalID
	p.data.LifetimeValue = graphql.OmittableOf(c.LifetimeValue) // a change grows it
	return p, nil
}
