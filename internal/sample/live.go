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
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// live creates the activity of the present: each step adds one response and one action of the team.
type live struct {
	Options
	work *casework.Work
	dice *rand.Rand
}

func newLive(o Options, d *rand.Rand) *live {
	return &live{Options: o, dice: d, work: casework.New(o.DB, o.Feed, o.Queue, o.Now)}
}

// runLive takes a step at each tick until ctx ends.
func runLive(ctx context.Context, o Options) {
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
			// A user may have closed the same case at the same moment. A lost step does not matter here.
			if err := do(ctx); err != nil && ctx.Err() == nil {
				o.Log.WarnContext(ctx, "a step of the sample data failed; the next step follows as usual", "error", err)
			}
		}
		if o.Step != nil {
			o.Step()
		}
	}
}

// respond submits a response: one in three comes from a new customer, the others from customers who have been silent for
// long.
func (l *live) respond(ctx context.Context) error {
	switch roll := l.dice.Float64(); {
	case roll < 0.33:
		return l.submitNew(ctx)
	case roll < 0.38:
		return l.submitKnown(ctx, true)
	}
	return l.submitKnown(ctx, false)
}

func (l *live) submitNew(ctx context.Context) error {
	return l.submit(ctx, newPerson(l.dice, model.NewUUID().String()))
}

// submitKnown submits a response of a known customer. With changed it also changes the customer's details, and picks a
// customer with cases, so that the change appears in the history of each case.
func (l *live) submitKnown(ctx context.Context, changed bool) error {
	p, err := l.silentCustomer(ctx, changed)
	switch {
	case err != nil:
		return err
	case p == nil:
		return l.submitNew(ctx)
	case changed:
		changeDetails(l.dice, &p.data, p.place)
	}
	return l.submit(ctx, p)
}

func (l *live) submit(ctx context.Context, p *person) error {
	in := newResponse(l.dice, p.place, scoreOf(l.dice, p.mood), topic(l.dice.IntN(int(topics))))
	in.Customer = &p.data
	if _, err := intake.New(l.work).Submit(ctx, auth.System("sample data"), in); err != nil {
		return fmt.Errorf("submit a response: %w", err)
	}
	return nil
}

// silentCustomer picks one of the sample customers who have been silent the longest; nil where there is none.
func (l *live) silentCustomer(ctx context.Context, withCase bool) (*person, error) {
	var c model.Customer
	// A change adds an event to each case of the customer: customers with more than five cases are left out.
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
	p.data.LifetimeValue = graphql.OmittableOf(c.LifetimeValue) // changeDetails multiplies it
	return p, nil
}
