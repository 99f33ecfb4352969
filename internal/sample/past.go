package sample

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/settings"
	"github.com/closeloop/closeloop/internal/user"
)

// past is the making of a year. Its clock stands at whatever is done next, so casework and setup write the times of
// the past by themselves, and in their order.
type past struct {
	now    time.Time // the real one, where the past ends
	clock  time.Time
	work   *casework.Work
	crew   *crew
	agenda []act // what is still to be done about cases, the next first
	nth    int   // of replies
	opened int
}

func makePast(ctx context.Context, o Options) error {
	began := time.Now()
	p := &past{now: o.Now().UTC().Truncate(time.Microsecond)}
	read := func() time.Time { return p.clock }
	p.work = casework.New(o.DB, o.Feed, nil, read) // nobody is mailed about a past that is made up

	p.clock = p.now.Add(-year - 14*day)
	var err error
	if p.crew, err = hire(ctx, o.DB, user.New(o.DB, p.work, o.Feed, read), settings.New(o.DB)); err != nil {
		return err
	}
	if len(p.crew.workers) == 0 {
		return fmt.Errorf("nobody of the team can be assigned a case")
	}
	if err := layDown(ctx, o.DB, rule.New(o.DB, read), p.crew); err != nil {
		return err
	}
	replies := script(p.now, o.customers)
	for len(replies) > 0 {
		round := 1
		for round < len(replies) && replies[round].arrives.Equal(replies[0].arrives) {
			round++
		}
		if err := p.follow(ctx, replies[0].arrives); err != nil {
			return err
		}
		if err := p.takeIn(ctx, replies[:round]); err != nil {
			return err
		}
		replies = replies[round:]
	}
	if err := p.follow(ctx, p.now); err != nil {
		return err
	}
	o.Log.InfoContext(ctx, "a year of sample data is made",
		"customers", o.customers, "responses", p.nth, "cases", p.opened, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// takeIn submits what arrives at one time, and plans what is done about the cases that it opens.
func (p *past) takeIn(ctx context.Context, round []reply) error {
	batch := make([]casework.Submission, len(round))
	for i, r := range round {
		d := dice(diceAnswers, p.nth)
		p.nth++
		if r.changed {
			change(d, &r.person.data, r.person.place)
		}
		in := answer(d, r.person.place, r.score, r.about)
		in.ExternalID, in.RespondedAt = new(fmt.Sprintf("%sr-%05d", idPrefix, p.nth)), new(r.at)
		customer := r.person.data
		in.Customer = &customer
		batch[i] = casework.Submission{SubmitResponseInput: in}
	}
	p.clock = round[0].arrives
	outcomes, err := p.work.SubmitAll(ctx, auth.Viewer{User: p.crew.byEmail[feeder]}, batch, casework.SubmitOptions{})
	if err != nil {
		return fmt.Errorf("submit responses: %w", err)
	}
	for _, made := range outcomes {
		if made.Fault != nil {
			return fmt.Errorf("submit a response: %w", made.Fault)
		}
		if made.Case == nil {
			continue
		}
		p.agenda = append(p.agenda, p.plan(dice(diceWork, p.opened), made.Case, made.Response)...)
		p.opened++
	}
	slices.SortStableFunc(p.agenda, func(a, b act) int { return a.at.Compare(b.at) })
	return nil
}

// follow does what is on the agenda up to a time.
func (p *past) follow(ctx context.Context, until time.Time) error {
	due, _ := slices.BinarySearchFunc(p.agenda, until, func(a act, t time.Time) int { return cmp.Or(a.at.Compare(t), -1) })
	for _, a := range p.agenda[:due] {
		p.clock = a.at
		if err := a.carryOut(ctx, p.work); err != nil {
			return err
		}
	}
	p.agenda = p.agenda[due:]
	return nil
}
