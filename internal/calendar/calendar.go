// Package calendar owns the counting of time in business hours. It is pure: it reads no clock.
//
// A moment is business time when the wall clock in the calendar's time zone shows a time within the weekday's hours and
// the date is not a holiday. The same rule holds on days when the clocks change: an hour that the clocks skip does not
// count, and an hour that the clocks repeat counts twice.
//
// It refuses intervals that cross midnight (write two intervals, one to 24:00 and one from 00:00), intervals that
// overlap, and calendars without hours, because no target would ever be reached in them.
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
	hoursMax    = 100 // intervals in a week
	holidaysMax = 1000
	weeksMax    = 5200 // a hundred years
	day         = 24 * time.Hour
)

// Calendar is a model.Calendar, parsed for counting.
type Calendar struct {
	zone     *time.Location
	week     [7][]interval // by time.Weekday, sorted
	holidays map[model.Date]bool
}

// interval is one interval of business hours. Both ends are the time since midnight that the wall clock shows.
type interval struct{ from, to time.Duration }

// Check validates the calendar and sorts its hours and holidays, so that equal calendars have equal representations.
// It returns all faults; the argument of each is the path of the wrong field, such as timeZone or hours[1].to.
func Check(c *model.Calendar) error {
	faults := []error{checkHours(c.Hours)}
	if _, err := model.ParseTimeZone(c.TimeZone); err != nil {
		faults = append(faults, fault.Input("timeZone", "%s", err.Error()))
	}
	if len(c.Holidays) > holidaysMax {
		faults = append(faults, fault.Input("holidays", "a calendar may have at most %d holidays", holidaysMax))
	}
	if err := fault.Join(faults...); err != nil {
		return err
	}
	c.Hours = slices.SortedFunc(slices.Values(c.Hours), compareHours)
	c.Holidays = slices.Compact(slices.Sorted(slices.Values(c.Holidays)))
	return nil
}

func checkHours(hours []model.CalendarHours) error {
	switch {
	case len(hours) == 0:
		return fault.Input("hours", "a calendar needs hours: without hours, no target would ever be reached")
	case len(hours) > hoursMax:
		return fault.Input("hours", "a calendar may have at most %d intervals of hours", hoursMax)
	}
	var faults []error
	for i, h := range hours {
		at := fmt.Sprintf("hours[%d]", i)
		if slices.Index(model.Weekdays[:], h.Weekday) < 0 {
			faults = append(faults, fault.Input(at+".weekday", "%q is not a day of the week", h.Weekday))
		}
		if h.From >= h.To {
			faults = append(faults, fault.Input(at+".to", "hours must end after they begin, on the same day: split hours that cross midnight into two, one to 24:00 and one from 00:00"))
		}
		overlaps := func(other model.CalendarHours) bool {
			return h.Weekday == other.Weekday && h.From < other.To && other.From < h.To
		}
		if j := slices.IndexFunc(hours[:i], overlaps); j >= 0 {
			faults = append(faults, fault.Input(at, "these hours overlap with hours[%d]", j))
		}
	}
	return fault.Join(faults...)
}

func compareHours(a, b model.CalendarHours) int {
	return cmp.Or(slices.Index(model.Weekdays[:], a.Weekday)-slices.Index(model.Weekdays[:], b.Weekday), cmp.Compare(a.From, b.From))
}

// New parses a calendar that has passed Check.
func New(c *model.Calendar) (*Calendar, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("parse a calendar: %w", err)
	}
	if err := checkHours(c.Hours); err != nil {
		return nil, fmt.Errorf("parse a calendar: %w", err)
	}
	parsed := &Calendar{zone: zone, holidays: make(map[model.Date]bool, len(c.Holidays))}
	for _, h := range slices.SortedFunc(slices.Values(c.Hours), compareHours) {
		weekday := slices.Index(model.Weekdays[:], h.Weekday)
		parsed.week[weekday] = append(parsed.week[weekday], interval{time.Duration(h.From) * time.Minute, time.Duration(h.To) * time.Minute})
	}
	for _, d := range c.Holidays {
		parsed.holidays[d] = true
	}
	return parsed, nil
}

// Reaches reports whether the calendar has d of business time within about a hundred years. With few hours a week, a
// long target would become a date that the database cannot store.
func (c *Calendar) Reaches(d time.Duration) bool {
	var week time.Duration
	for _, intervals := range c.week {
		for _, i := range intervals {
			week += i.to - i.from
		}
	}
	return d/week < weeksMax
}

// Add returns the first moment at which d of business time has passed since the given time. For d of zero or less it
// returns the given time, even outside the hours.
func (c *Calendar) Add(since time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return since.UTC()
	}
	for from, to := range c.open(since) {
		if length := to.Sub(from); length < d {
			d -= length
			continue
		}
		return from.Add(d)
	}
	panic("closeloop: a calendar came to an end") // checkHours guarantees hours in every week
}

// Between returns the business time between since and until; zero when until is not after since.
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

// open yields all intervals of business time after since, in order and without end. It works from one clock change to
// the next: between two changes the wall clock is UTC plus a fixed offset, so no hour is skipped or repeated.
func (c *Calendar) open(since time.Time) iter.Seq2[time.Time, time.Time] {
	return func(yield func(from, to time.Time) bool) {
		for at := since.UTC(); ; {
			_, seconds := at.In(c.zone).Zone()
			offset := time.Duration(seconds) * time.Second
			_, change := at.In(c.zone).ZoneBounds() // the zero time when the clocks never change again
			wall := at.Add(offset)                  // the wall clock's time, represented as UTC
			for midnight := wall.Truncate(day); change.IsZero() || midnight.Add(-offset).Before(change); midnight = midnight.Add(day) {
				if c.holidays[model.DateOf(midnight)] {
					continue
				}
				for _, i := range c.week[midnight.Weekday()] {
					from, to := midnight.Add(i.from-offset), midnight.Add(i.to-offset)
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
