package sample

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/settings"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/internal/user"
)

// past creates the responses and the work of one year. Its clock shows the time of the step being created, so that the
// packages that write store times of the past, in increasing order.
type past struct {
	now       time.Time // the real time, at which the past ends
	clock     time.Time
	work      *casework.Work
	staff     *staff
	agenda    []task // tasks still to run, sorted by time
	responses int    // of replies
	opened    int
}

func makePast(ctx context.Context, o Options) error {
	began := time.Now()
	p := &past{now: pg.Timestamp(o.Now())}
	read := func() time.Time { return p.clock }
	p.work = casework.New(o.DB, o.Feed, nil, read) // without a queue, so that no mail about the past is sent

	p.clock = p.now.Add(-year - 14*day)
	var err error
	if p.staff, err = createStaff(ctx, o.DB, user.New(o.Configuration, p.work, o.Feed, read), settings.New(o.Configuration)); err != nil {
		return err
	}
	if len(p.staff.workers) == 0 {
		return fmt.Errorf("no case can be assigned to any user of the sample team; activate one of them, or use an empty database")
	}
	if err := createRules(ctx, o.DB, rule.New(o.DB, o.Configuration, read), p.staff); err != nil {
		return err
	}
	if err := createThemes(ctx, o.DB, theme.New(o.Configuration, nil, read)); err != nil {
		return err
	}
	replies := pastReplies(p.now, o.customers)
	for len(replies) > 0 {
		round := 1
		for round < len(replies) && replies[round].receivedAt.Equal(replies[0].receivedAt) {
			round++
		}
		if err := p.runTasks(ctx, replies[0].receivedAt); err != nil {
			return err
		}
		if err := p.submit(ctx, replies[:round]); err != nil {
			return err
		}
		replies = replies[round:]
	}
	if err := p.runTasks(ctx, p.now); err != nil {
		return err
	}
	o.Log.InfoContext(ctx, "created a year of sample data",
		"customers", o.customers, "responses", p.responses, "cases", p.opened, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// submit submits the replies that arrive at one time, and plans the work on the cases that they open.
func (p *past) submit(ctx context.Context, round []reply) error {
	batch := make([]intake.Submission, len(round))
	for i, r := range round {
		d := dice(diceAnswers, p.responses)
		p.responses++
		if r.changed {
			changeDetails(d, &r.person.data, r.person.place)
		}
		in := newResponse(d, r.person.place, r.score, r.about)
		in.ExternalID, in.RespondedAt = new(fmt.Sprintf("%sr-%05d", idPrefix, p.responses)), new(r.answeredAt)
		customer := r.person.data
		in.Customer = &customer
		batch[i] = intake.Submission{SubmitResponseInput: in}
	}
	p.clock = round[0].receivedAt
	outcomes, err := intake.New(p.work).SubmitAll(ctx, auth.Viewer{User: p.staff.byEmail[surveyTool]}, batch, intake.SubmitOptions{})
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
		p.agenda = append(p.agenda, p.planCase(dice(diceWork, p.opened), made.Case, made.Response)...)
		p.opened++
	}
	slices.SortStableFunc(p.agenda, func(a, b task) int { return a.at.Compare(b.at) })
	return nil
}

// runTasks runs the tasks of the agenda up to a time.
func (p *past) runTasks(ctx context.Context, until time.Time) error {
	due, _ := slices.BinarySearchFunc(p.agenda, until, func(a task, t time.Time) int { return cmp.Or(a.at.Compare(t), -1) })
	for _, a := range p.agenda[:due] {
		p.clock = a.at
		if err := a.run(ctx, p.work); err != nil {
			return err
		}
	}
	p.agenda = p.agenda[due:]
	return nil
}
