package sample

import (
	"context"
	"fmt"

	"github.com/closeloop/closeloop/model"
)

// So much is left lying: where there is no more, nothing is started or closed. A wallboard has something to show,
// and what is left is the oldest, so there are always cases past their target.
const (
	leftOpen     = 20
	leftUnderWay = 25
	within       = 60 // so many of the newest are looked at besides, however large the backlog is
)

// desk is where the team's work lies. Who is of the team is looked up each time: somebody may be trying out what
// happens when a user leaves.
type desk struct {
	*live
	crew *crew
}

// followUp does one thing for one case.
func (l *live) followUp(ctx context.Context) error {
	crew, err := meet(ctx, l.DB)
	if err != nil || len(crew.workers) == 0 {
		return err
	}
	k := desk{l, crew}
	switch roll := l.dice.Float64(); {
	case roll < 0.4:
		return k.moveOn(ctx, model.Open, leftOpen)
	case roll < 0.8:
		return k.moveOn(ctx, model.InProgress, leftUnderWay)
	case roll < 0.84:
		return k.act(ctx, model.Closed, reopen)
	case roll < 0.87:
		return k.act(ctx, model.Open, giveBack)
	case roll < 0.92:
		return k.act(ctx, model.InProgress, handOver)
	}
	return k.act(ctx, model.InProgress, tell)
}

// moveOn brings a case of the status one step further: nobody's gets somebody, an open one is started, one that is
// under way is closed. Where too few are left, something is told instead.
func (k desk) moveOn(ctx context.Context, status model.CaseStatus, left int) error {
	c, err := k.aCase(ctx, status, left)
	switch {
	case err != nil:
		return err
	case c == nil:
		return k.act(ctx, model.InProgress, tell)
	case c.AssigneeID == nil:
		return k.do(ctx, c, handOver)
	case status == model.Open:
		return k.do(ctx, c, start)
	}
	return k.do(ctx, c, solve)
}

// act does the deed to a case of the status, if there is one.
func (k desk) act(ctx context.Context, status model.CaseStatus, do deed) error {
	c, err := k.aCase(ctx, status, 0)
	if c == nil || err != nil {
		return err
	}
	return k.do(ctx, c, do)
}

func (k desk) do(ctx context.Context, c *model.Case, do deed) error {
	a := act{by: k.crew.of(c.AssigneeID), on: c.ID, do: do, note: note(k.dice, do, c.Response)}
	if do == handOver {
		a.to = &pick(k.dice, k.crew.workers).ID
	}
	return a.carryOut(ctx, k.work)
}

// aCase is one of the newest sample cases of the status that are the team's or nobody's, leaving out the oldest; nil
// where there is none. What the people who look around have taken is left to them.
func (k desk) aCase(ctx context.Context, status model.CaseStatus, left int) (*model.Case, error) {
	team := make([]model.UserID, len(k.crew.workers))
	for i, u := range k.crew.workers {
		team[i] = u.ID
	}
	var cases []*model.Case
	err := k.DB.Gorm.WithContext(ctx).Joins("Response").
		Where("cases.status = ? AND (cases.assignee_id IS NULL OR cases.assignee_id IN ?)", status, team).
		Where("EXISTS (SELECT FROM customers WHERE id = cases.customer_id AND external_id LIKE ?)", idPrefix+"%").
		Order("cases.opened_at DESC, cases.id DESC").Limit(within + left).Find(&cases).Error
	if err != nil {
		return nil, fmt.Errorf("look for a case: %w", err)
	}
	if len(cases) <= left {
		return nil, nil
	}
	c := pick(k.dice, cases[:len(cases)-left])
	if c.ResponseID == nil {
		c.Response = nil
	}
	return c, nil
}
