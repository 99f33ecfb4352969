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

// task is one action on a case at one time.
type task struct {
	at     time.Time
	by     *model.User
	caseID model.CaseID
	do     action
	note   string
	to     *model.UserID // the new assignee; nil unassigns the case
}

// planCase returns what happens to a new case up to now, in order: the work of the team, and the moment when the case
// falls overdue where the team is late.
func (p *past) planCase(d *rand.Rand, c *model.Case, r *model.Response) []task {
	acts := p.planWork(d, c, r)
	if c.DueAt == nil || !c.DueAt.After(c.OpenedAt) {
		return acts
	}
	late := c.DueAt.Add(time.Second)
	inTime := slices.ContainsFunc(acts, func(a task) bool { return a.do == start && a.at.Before(late) })
	if !inTime && !late.After(p.now) {
		acts = append(acts, task{at: late, do: fallOverdue})
	}
	return acts
}

func (p *past) planWork(d *rand.Rand, c *model.Case, r *model.Response) []task {
	by := p.staff.workerFor(c.AssigneeID)
	at := c.OpenedAt
	var acts []task
	add := func(after time.Duration, do action) {
		at = toOfficeHours(d, at.Add(after), p.staff.offset[by.ID])
		if !at.After(p.now) {
			acts = append(acts, task{at: at, by: by, caseID: c.ID, do: do, note: note(d, do, r)})
		}
	}
	give := func(to *model.User) {
		if add(span(d, time.Hour, 9*time.Hour), reassign); len(acts) > 0 {
			acts[len(acts)-1].to = &to.ID
		}
		by = to
	}

	lately := p.now.Sub(c.OpenedAt) < 45*day
	switch {
	case lately && chance(d, 0.28), chance(d, 0.008): // the case waits, or is never worked on
		return nil
	case lately && c.AssigneeID != nil && chance(d, 0.1):
		add(span(d, time.Hour, 20*time.Hour), unassign)
		return acts
	}
	if to := pick(d, p.staff.workers); c.AssigneeID == nil || to != by && chance(d, 0.08) {
		give(to)
	}
	if wait := time.Duration(d.ExpFloat64() * float64(7*time.Hour)); chance(d, 0.92) {
		add(wait, start)
	} else {
		add(wait+span(d, 2*day, 6*day), start)
	}
	for range d.IntN(3) {
		add(span(d, 5*time.Hour, 3*day), addNote)
	}
	if chance(d, 0.82) {
		add(span(d, day, 12*day), resolve)
	} else {
		add(span(d, 20*day, 70*day), resolve)
	}
	if chance(d, 0.07) {
		add(span(d, 2*day, 15*day), reopen)
		if chance(d, 0.75) {
			add(span(d, day, 8*day), resolve)
		}
	}
	return acts
}

func (a task) run(ctx context.Context, work *casework.Work) (err error) {
	by := auth.Viewer{User: a.by}
	switch a.do {
	case fallOverdue:
		_, err = work.MarkOverdue(ctx)
	case start, reopen:
		_, err = work.UpdateCaseStatus(ctx, by, casework.UpdateCaseStatusInput{CaseID: a.caseID, Status: model.InProgress, Note: a.note})
	case resolve:
		_, err = work.UpdateCaseStatus(ctx, by, casework.UpdateCaseStatusInput{CaseID: a.caseID, Status: model.Closed, Note: a.note})
	case addNote:
		_, err = work.AddNote(ctx, by, casework.AddNoteInput{CaseID: a.caseID, Body: a.note})
	case unassign, reassign:
		_, err = work.AssignCase(ctx, by, casework.AssignCaseInput{CaseID: a.caseID, AssigneeID: a.to, Note: &a.note})
	}
	if err != nil {
		return fmt.Errorf("work on a sample case: %w", err)
	}
	return nil
}
