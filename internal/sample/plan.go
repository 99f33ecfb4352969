package sample

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/model"
)

// act is one thing that somebody did to a case.
type act struct {
	at   time.Time
	by   *model.User
	on   model.CaseID
	do   deed
	note string
	to   *model.UserID // who gets the case, where it is handed over
}

// plan is what happens to a case that was just opened, up to now: what the team does about it, in order, and that
// it falls overdue where they are late.
func (p *past) plan(d *rand.Rand, c *model.Case, r *model.Response) []act {
	acts := p.deeds(d, c, r)
	if c.DueAt == nil || !c.DueAt.After(c.OpenedAt) {
		return acts
	}
	late := c.DueAt.Add(time.Second)
	inTime := slices.ContainsFunc(acts, func(a act) bool { return a.do == start && a.at.Before(late) })
	if !inTime && !late.After(p.now) {
		acts = append(acts, act{at: late, do: lapse})
	}
	return acts
}

func (p *past) deeds(d *rand.Rand, c *model.Case, r *model.Response) []act {
	by := p.crew.of(c.AssigneeID)
	at := c.OpenedAt
	var acts []act
	add := func(after time.Duration, do deed) {
		at = office(d, at.Add(after), p.crew.offset[by.ID])
		if !at.After(p.now) {
			acts = append(acts, act{at: at, by: by, on: c.ID, do: do, note: note(d, do, r)})
		}
	}
	give := func(to *model.User) {
		if add(span(d, time.Hour, 9*time.Hour), handOver); len(acts) > 0 {
			acts[len(acts)-1].to = &to.ID
		}
		by = to
	}

	lately := p.now.Sub(c.OpenedAt) < 45*day
	switch {
	case lately && chance(d, 0.28), chance(d, 0.008): // nobody found the time, or ever did
		return nil
	case lately && c.AssigneeID != nil && chance(d, 0.1):
		add(span(d, time.Hour, 20*time.Hour), giveBack)
		return acts
	}
	if to := pick(d, p.crew.workers); c.AssigneeID == nil || to != by && chance(d, 0.08) {
		give(to)
	}
	if wait := time.Duration(d.ExpFloat64() * float64(7*time.Hour)); chance(d, 0.92) {
		add(wait, start)
	} else {
		add(wait+span(d, 2*day, 6*day), start)
	}
	for range d.IntN(3) {
		add(span(d, 5*time.Hour, 3*day), tell)
	}
	if chance(d, 0.82) {
		add(span(d, day, 12*day), solve)
	} else {
		add(span(d, 20*day, 70*day), solve)
	}
	if chance(d, 0.07) {
		add(span(d, 2*day, 15*day), reopen)
		if chance(d, 0.75) {
			add(span(d, day, 8*day), solve)
		}
	}
	return acts
}

func (a act) carryOut(ctx context.Context, work *casework.Work) (err error) {
	by := auth.Viewer{User: a.by}
	switch a.do {
	case lapse:
		_, err = work.MarkOverdue(ctx)
	case start, reopen:
		_, err = work.UpdateCaseStatus(ctx, by, casework.UpdateCaseStatusInput{CaseID: a.on, Status: model.InProgress, Note: a.note})
	case solve:
		_, err = work.UpdateCaseStatus(ctx, by, casework.UpdateCaseStatusInput{CaseID: a.on, Status: model.Closed, Note: a.note})
	case tell:
		_, err = work.AddNote(ctx, by, casework.AddNoteInput{CaseID: a.on, Body: a.note})
	case giveBack, handOver:
		_, err = work.AssignCase(ctx, by, casework.AssignCaseInput{CaseID: a.on, AssigneeID: a.to, Note: &a.note})
	}
	if err != nil {
		return fmt.Errorf("follow a case up: %w", err)
	}
	return nil
}
