package sample

import (
	"context"
	"fmt"

	"github.com/closeloop/closeloop/model"
)

// The team keeps this many cases unfinished, so that a wallboard always has something to show. The oldest cases stay, so
// that some are always past their target.
const (
	minOpen       = 20
	minInProgress = 25
	newestCases   = 60 // how many of the newest cases are considered besides, however large the backlog is
)

// desk does the team's work. The staff is loaded for each step, because a user may be trying out what happens when a
// colleague leaves.
type desk struct {
	*live
	staff *staff
}

// followUp does one action on one case.
func (l *live) followUp(ctx context.Context) error {
	staff, err := findStaff(ctx, l.DB)
	if err != nil || len(staff.workers) == 0 {
		return err
	}
	k := desk{l, staff}
	switch roll := l.dice.Float64(); {
	case roll < 0.4:
		return k.advance(ctx, model.Open, minOpen)
	case roll < 0.8:
		return k.advance(ctx, model.InProgress, minInProgress)
	case roll < 0.84:
		return k.actOn(ctx, model.Closed, reopen)
	case roll < 0.87:
		return k.actOn(ctx, model.Open, unassign)
	case roll < 0.92:
		return k.actOn(ctx, model.InProgress, reassign)
	}
	return k.actOn(ctx, model.InProgress, addNote)
}

// advance moves a case of the status one step further: an unassigned case is assigned, an open case is started, a case in
// progress is closed. Where only `keep` cases or fewer have the status, it adds a note to another case instead.
func (k desk) advance(ctx context.Context, status model.CaseStatus, keep int) error {
	c, err := k.pickCase(ctx, status, keep)
	switch {
	case err != nil:
		return err
	case c == nil:
		return k.actOn(ctx, model.InProgress, addNote)
	case c.AssigneeID == nil:
		return k.do(ctx, c, reassign)
	case status == model.Open:
		return k.do(ctx, c, start)
	}
	return k.do(ctx, c, resolve)
}

// actOn does the action on a case of the status, if there is one.
func (k desk) actOn(ctx context.Context, status model.CaseStatus, do action) error {
	c, err := k.pickCase(ctx, status, 0)
	if c == nil || err != nil {
		return err
	}
	return k.do(ctx, c, do)
}

func (k desk) do(ctx context.Context, c *model.Case, do action) error {
	a := task{by: k.staff.workerFor(c.AssigneeID), caseID: c.ID, do: do, note: note(k.dice, do, c.Response)}
	if do == reassign {
		a.to = &pick(k.dice, k.staff.workers).ID
	}
	return a.run(ctx, k.work)
}

// pickCase picks one of the newest sample cases of the status, leaving out the `keep` oldest; nil where there is none. The
// case is unassigned or assigned to the sample staff: the team does not touch cases of other users.
func (k desk) pickCase(ctx context.Context, status model.CaseStatus, keep int) (*model.Case, error) {
	team := make([]model.UserID, len(k.staff.workers))
	for i, u := range k.staff.workers {
		team[i] = u.ID
	}
	var cases []*model.Case
	err := k.DB.Gorm.WithContext(ctx).Joins("Response").
		Where("cases.status = ? AND (cases.assignee_id IS NULL OR cases.assignee_id IN ?)", status, team).
		Where("EXISTS (SELECT FROM customers WHERE id = cases.customer_id AND external_id LIKE ?)", idPrefix+"%").
		Order("cases.opened_at DESC, cases.id DESC").Limit(newestCases + keep).Find(&cases).Error
	if err != nil {
		return nil, fmt.Errorf("look for a case: %w", err)
	}
	if len(cases) <= keep {
		return nil, nil
	}
	c := pick(k.dice, cases[:len(cases)-keep])
	if c.ResponseID == nil {
		c.Response = nil
	}
	return c, nil
}
