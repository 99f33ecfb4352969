// Package calendar counts time in business hours. It is pure: it reads no clock.
//
// A moment is business time where the wall clock in the calendar's time zone shows a time within the hours of that
// weekday, on a date that is no holiday. That is all there is to it, also on days on which the clocks change: hours
// that the clocks skip count nothing, and hours that they repeat count twice.
//
// It refuses hours over midnight (they are two stretches, one to 24:00 and one from 00:00), stretches that overlap,
// and calendars with no hours, in which no target would ever come.
package calendar

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const (
	hoursMax    = 100 // stretches in a week
	holidaysMax = 1000
	weeksMax    = 5200 // a hundred years
	day         = 24 * time.Hour
)

// Calendar is business hours ready to count with.
type Calendar struct {
	zone     *time.Location
	week     [7][]stretch // by time.Weekday, in order
	holidays map[model.Date]bool
}

// stretch is from so long after midnight to so long after midnight, by the wall clock.
type stretch struct{ from, to time.Duration }

// Check puts the calendar in order, so that what says the same is the same, and refuses what cannot be counted in. A
// fault names the field: timeZone, hours[1].to.
func Check(c *model.Calendar) error {
	if _, err := model.ParseTimeZone(c.TimeZone); err != nil {
		return fault.Input("timeZone", "%s", err.Error())
	}
	if err := checkHours(c.Hours); err != nil {
		return err
	}
	if len(c.Holidays) > holidaysMax {
		return fault.Input("holidays", "%d holidays at most", holidaysMax)
	}
	c.Hours = slices.SortedFunc(slices.Values(c.Hours), inOrder)
	c.Holidays = slices.Compact(slices.Sorted(slices.Values(c.Holidays)))
	return nil
}

func checkHours(hours []model.CalendarHours) error {
	switch {
	case len(hours) == 0:
		return fault.Input("hours", "a calendar needs hours: with none, no target would ever come")
	case len(hours) > hoursMax:
		return fault.Input("hours", "%d stretches at most", hoursMax)
	}
	for i, h := range hours {
		at := fmt.Sprintf("hours[%d]", i)
		switch {
		case slices.Index(model.Weekdays[:], h.Weekday) < 0:
			return fault.Input(at+".weekday", "%q is not a day of the week", h.Weekday)
		case h.From >= h.To:
			return fault.Input(at+".to", "hours end after they begin, on the same day: give hours over midnight as two, to 24:00 and from 00:00")
		}
		for j, other := range hours[:i] {
			if h.Weekday == other.Weekday && h.From < other.To && other.From < h.To {
				return fault.Input(at, "these hours overlap with hours[%d]", j)
			}
		}
	}
	return nil
}

func inOrder(a, b model.CalendarHours) int {
	return cmp.Or(slices.Index(model.Weekdays[:], a.Weekday)-slices.Index(model.Weekdays[:], b.Weekday), cmp.Compare(a.From, b.From))
}

// New reads a calendar that Check has let pass.
func New(c *model.Calendar) (*Calendar, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("read a calendar: %w", err)
	}
	if err := checkHours(c.Hours); err != nil {
		return nil, fmt.Errorf("read a calendar: %w", err)
	}
	ready := &Calendar{zone: zone, holidays: make(map[model.Date]bool, len(c.Holidays))}
	for _, h := range slices.SortedFunc(slices.Values(c.Hours), inOrder) {
		on := slices.Index(model.Weekdays[:], h.Weekday)
		ready.week[on] = append(ready.week[on], stretch{time.Duration(h.From) * time.Minute, time.Duration(h.To) * time.Minute})
	}
	for _, d := range c.Holidays {
		ready.holidays[d] = true
	}
	return ready, nil
}

// Reaches tells whether so much business time fits into about a hundred years: a minute a week would make of a long
// target a date that no database holds.
func (c *Calendar) Reaches(d time.Duration) bool {
	var week time.Duration
	for _, stretches := range c.week {
		for _, s := range stretches {
			week += s.to - s.from
		}
	}
	return d/week < weeksMax
}

// Add gives the first moment at which so much business time has passed since a time. Of no time at all, that is the
// time itself, whether it is in the hours or not.
func (c *Calendar) Add(since time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return since.UTC()
	}
	for from, to := range c.open(since) {
		if have := to.Sub(from); have < d {
			d -= have
			continue
		}
		return from.Add(d)
	}
	panic("closeloop: a calendar came to an end") // Check sees to it that there are hours in every week
}

// Between gives how much business time there is from one time to another; nothing where the other is not later.
func (c *Calendar) Between(since, until time.Time) (d time.Duration) {
	for from, to := range c.open(since) {
		if !from.Before(until) {
			break
		}
		if to.After(until) {
			to = until
		}
		d += to.Sub(from)
	}
	return d
}

// open gives all business time from a moment on, in order and without end. It goes from one change of the clocks to
// the next: between two of them, the wall clock is UTC and a fixed offset, and no hour is skipped or repeated.
func (c *Calendar) open(since time.Time) iter.Seq2[time.Time, time.Time] {
	return func(yield func(from, to time.Time) bool) {
		for at := since.UTC(); ; {
			_, seconds := at.In(c.zone).Zone()
			offset := time.Duration(seconds) * time.Second
			_, change := at.In(c.zone).ZoneBounds() // zero: the clocks never change again
			wall := at.Add(offset)                  // what the wall clock shows, written as if it were UTC
			for midnight := wall.Truncate(day); change.IsZero() || midnight.Add(-offset).Before(change); midnight = midnight.Add(day) {
				if c.holidays[model.DateOf(midnight)] {
					continue
				}
				for _, s := range c.week[midnight.Weekday()] {
					from, to := midnight.Add(s.from-offset), midnight.Add(s.to-offset)
					if from.Before(at) {
						from = at
					}
					if !change.IsZero() && to.After(change) {
						to = change.UTC()
					}
					if from.Before(to) && !yield(from, to) {
						return
					}
				}
			}
			at = change.UTC()
		}
	}
}
