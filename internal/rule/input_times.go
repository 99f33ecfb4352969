package rule

import (
	"fmt"
	"time"

	"github.com/closeloop/closeloop/internal/calendar"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const stepsMax = 10

// EscalationInput is one step for cases that nobody follows up.
type EscalationInput struct {
	After    model.Duration
	Notify   []*RecipientInput
	Reassign *AssignmentInput
}

// CalendarInput is business hours.
type CalendarInput struct {
	TimeZone string
	Hours    []*CalendarHoursInput
	Holidays []model.Date
}

// CalendarHoursInput is one stretch of them.
type CalendarHoursInput struct {
	Weekday model.Weekday
	From    model.TimeOfDay
	To      model.TimeOfDay
}

// applyTimes sets the calendar and the escalations, and checks them and the target against each other.
func (in UpdateRuleInput) applyTimes(r *model.Rule) (err error) {
	if v, ok := in.Calendar.ValueOK(); ok {
		if r.Calendar, err = v.read(); err != nil {
			return fault.WithPath("input.calendar", err)
		}
	}
	if v, ok := in.Escalations.ValueOK(); ok {
		if r.Escalations, err = escalations(v); err != nil {
			return err
		}
	}
	return reachable(r)
}

func (in *CalendarInput) read() (*model.Calendar, error) {
	if in == nil {
		return nil, nil
	}
	c := &model.Calendar{TimeZone: in.TimeZone, Holidays: in.Holidays}
	for _, h := range in.Hours {
		c.Hours = append(c.Hours, model.CalendarHours{Weekday: h.Weekday, From: h.From, To: h.To})
	}
	return c, calendar.Check(c)
}

func escalations(list []*EscalationInput) ([]model.Escalation, error) {
	if len(list) > stepsMax {
		return nil, fault.Input("input.escalations", "%d steps at most", stepsMax)
	}
	steps := make([]model.Escalation, len(list))
	for i, in := range list {
		at := fmt.Sprintf("input.escalations[%d]", i)
		switch {
		case in.After <= 0:
			return nil, fault.Input(at+".after", "after must be greater than zero")
		case i > 0 && in.After <= list[i-1].After:
			return nil, fault.Input(at+".after", "each step comes later than the one before it")
		case len(in.Notify) == 0 && in.Reassign == nil:
			return nil, fault.Input(at, "a step tells somebody, or reassigns the case, or both")
		}
		told, err := recipients(at+".notify", in.Notify)
		if err != nil {
			return nil, err
		}
		steps[i] = model.Escalation{After: in.After, Notify: told}
		if in.Reassign == nil {
			continue
		}
		a, err := in.Reassign.read(at + ".reassign")
		if err != nil {
			return nil, err
		}
		steps[i].Reassign = &a
	}
	return steps, nil
}

// reachable refuses what the rule's calendar would put off to another century.
func reachable(r *model.Rule) error {
	if r.Calendar == nil {
		return nil
	}
	c, err := calendar.New(r.Calendar)
	if err != nil {
		return err
	}
	check := func(argument string, d model.Duration) error {
		if c.Reaches(time.Duration(d)) {
			return nil
		}
		return fault.Input(argument, "the calendar has so few hours that this would take more than a hundred years")
	}
	if r.FollowUpTarget != nil {
		if err := check("input.followUpTarget", *r.FollowUpTarget); err != nil {
			return err
		}
	}
	for i, e := range r.Escalations {
		if err := check(fmt.Sprintf("input.escalations[%d].after", i), e.After); err != nil {
			return err
		}
	}
	return nil
}
