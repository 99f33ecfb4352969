package rule

import (
	"fmt"
	"time"

	"github.com/closeloop/closeloop/internal/calendar"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const stepsMax = 10

// EscalationInput is one escalation step, for a case without a follow-up.
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

// CalendarHoursInput is one range of business hours, on one day of the week.
type CalendarHoursInput struct {
	Weekday model.Weekday
	From    model.TimeOfDay
	To      model.TimeOfDay
}

// applyTimes checks and sets the calendar and the escalations, and checks that the calendar reaches the target and steps.
func (in UpdateRuleInput) applyTimes(r *model.Rule) error {
	var ofCalendar, ofEscalations error
	if v, ok := in.Calendar.ValueOK(); ok {
		r.Calendar, ofCalendar = v.read()
	}
	if v, ok := in.Escalations.ValueOK(); ok {
		r.Escalations, ofEscalations = escalations(v)
	}
	if err := fault.Join(fault.WithPath("input.calendar", ofCalendar), ofEscalations); err != nil {
		return err
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
		return nil, fault.Input("input.escalations", "at most %d escalation steps are allowed", stepsMax)
	}
	steps := make([]model.Escalation, len(list))
	var faults []error
	for i, in := range list {
		at := fmt.Sprintf("input.escalations[%d]", i)
		switch {
		case in.After <= 0:
			faults = append(faults, fault.Input(at+".after", "after must be greater than zero"))
		case i > 0 && in.After <= list[i-1].After:
			faults = append(faults, fault.Input(at+".after", "after must be greater than in the step before"))
		}
		if len(in.Notify) == 0 && in.Reassign == nil {
			faults = append(faults, fault.Input(at, "a step requires notify, reassign or both"))
		}
		to, err := recipients(at+".notify", in.Notify)
		faults = append(faults, err)
		steps[i] = model.Escalation{After: in.After, Notify: to}
		if in.Reassign == nil {
			continue
		}
		a, err := in.Reassign.read(at + ".reassign")
		faults = append(faults, err)
		steps[i].Reassign = &a
	}
	return steps, fault.Join(faults...)
}

// reachable refuses a target or step that the rule's calendar does not reach within a hundred years.
func reachable(r *model.Rule) error {
	if r.Calendar == nil {
		return nil
	}
	c, err := calendar.New(r.Calendar)
	if err != nil {
		return err
	}
	var faults []error
	check := func(argument string, d model.Duration) {
		if !c.Reaches(time.Duration(d)) {
			faults = append(faults, fault.Input(argument, "the calendar has too few hours: this duration would take more than a hundred years"))
		}
	}
	if r.FollowUpTarget != nil {
		check("input.followUpTarget", *r.FollowUpTarget)
	}
	for i, e := range r.Escalations {
		check(fmt.Sprintf("input.escalations[%d].after", i), e.After)
	}
	return fault.Join(faults...)
}
