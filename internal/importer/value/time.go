package value

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/closeloop/closeloop/internal/pg"
)

// Order is the order of day, month and year in a date of numbers such as 5/3/2024.
type Order string

const (
	DayFirst   Order = "day-first"
	MonthFirst Order = "month-first"
	YearFirst  Order = "year-first"
)

var orders = [...]Order{DayFirst, MonthFirst, YearFirst}

// Orders is a set of orders.
type Orders [len(orders)]bool

// Of returns the set of one order.
func (o Order) Of() (set Orders) {
	for i := range orders {
		set[i] = orders[i] == o
	}
	return set
}

// Only returns the order of a set of one.
func (s Orders) Only() (Order, bool) {
	var found Order
	n := 0
	for i, in := range s {
		if in {
			found = orders[i]
			n++
		}
	}
	return found, n == 1
}

// And returns the orders that both sets have.
func (s Orders) And(t Orders) Orders {
	for i := range s {
		s[i] = s[i] && t[i]
	}
	return s
}

// Or returns the orders that one of the sets has.
func (s Orders) Or(t Orders) Orders {
	for i := range s {
		s[i] = s[i] || t[i]
	}
	return s
}

// Written is a time as it is written in a cell. Its date can be open: numbers whose order the cell does not say.
type Written struct {
	kind           string // such as "Unix time in seconds", for people
	date           [3]int // in the order of the year, the month and the day; or of the cell where it is open
	open           Orders // the orders in which an open date exists; none: the date is year, month, day
	hour, min, sec int
	nsec           int

	zoned   bool
	offset  time.Duration
	instant time.Time // of a Unix time

}

// Open returns the orders in which the date can be read; ok is false where the cell itself says the order, or where all of them
// mean the same day.
func (w *Written) Open() (set Orders, ok bool) { return w.open, w.open != Orders{} }

// Kind names the form of the time for people.
func (w *Written) Kind() string { return w.kind }

// At returns the instant. A time without a zone is in the given one; an open date is read in the order.
func (w *Written) At(zone *time.Location, order Order) (time.Time, bool) {
	if !w.instant.IsZero() {
		return w.instant, true
	}
	d := w.date
	if (w.open != Orders{}) {
		if w.open.And(order.Of()) == (Orders{}) {
			return time.Time{}, false
		}
		d = arranged(d, order)
	}
	t := time.Date(d[0], time.Month(d[1]), d[2], w.hour, w.min, w.sec, w.nsec, time.UTC)
	switch {
	case w.zoned:
		t = t.Add(-w.offset)
	case zone != nil:
		t = inZone(t, zone)
	}
	if t = pg.Timestamp(t); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t, true
}

// arranged returns year, month and day of a date that is written in the order.
func arranged(d [3]int, o Order) [3]int {
	switch o {
	case DayFirst:
		d = [3]int{d[2], d[1], d[0]}
	case MonthFirst:
		d = [3]int{d[2], d[0], d[1]}
	}
	if d[0] < 100 { // a year of two digits, as POSIX reads it (strptime, %y)
		if d[0] += 1900; d[0] < 1969 {
			d[0] += 100
		}
	}
	return d
}

func exists(d [3]int) bool {
	if d[1] < 1 || d[1] > 12 || d[2] < 1 || d[2] > 31 || d[0] < 1 || d[0] > 9999 {
		return false
	}
	return time.Date(d[0], time.Month(d[1]), d[2], 0, 0, 0, 0, time.UTC).Day() == d[2]
}

// Days of Excel's calendar, which counts 1900-01-01 as 1 and has a 29 February 1900; from March 1900 on, the day before
// 1899-12-31 is day 0. Responses are from 1950 to 2100.
const (
	serialMin, serialMax = 18264, 73415
	serialOf1904         = 1462
)

// number reads Unix times, Excel's days, and dates such as 20240305. Which of them a number is follows from its size, as no
// response is older than 1973 in Unix time.
func number(s string, year1904 bool) (w Written, ok bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || len(fraction) > 18 {
		return w, false
	}
	part := 0.0
	if fraction != "" {
		if part, err = strconv.ParseFloat("0."+fraction, 64); err != nil {
			return w, false
		}
	}
	switch {
	case len(whole) == 8 && fraction == "":
		d := [3]int{int(n / 10000), int(n / 100 % 100), int(n % 100)}
		if d[0] >= 1900 && d[0] <= 2100 && exists(d) {
			return Written{kind: "year, month and day without separators", date: d}, true
		}
	case n >= 100_000_000 && n < 10_000_000_000:
		return Written{kind: "Unix time in seconds", instant: time.Unix(n, int64(math.Round(part*1e6))*1e3).UTC()}, true
	case n >= 100_000_000_000 && n < 10_000_000_000_000:
		return Written{kind: "Unix time in milliseconds", instant: time.UnixMilli(n).UTC()}, true
	}
	if year1904 {
		n += serialOf1904
	}
	if n < serialMin || n > serialMax {
		return w, false
	}
	// Excel's fractions are binary: 09:15:23 is 0.385682870369…, which a millisecond rounds to what was meant.
	t := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(n)).Add(time.Duration(math.Round(part*86_400_000)) * time.Millisecond)
	w = Written{kind: "Excel's number of a day", date: [3]int{t.Year(), int(t.Month()), t.Day()}, hour: t.Hour(), min: t.Minute(), sec: t.Second(), nsec: t.Nanosecond()}
	return w, true
}

// inZone returns the instant at which clocks of the zone show the wall clock time of wall. time.Date does not promise which
// instant it returns around a change of clocks. inZone follows RFC 5545, section 3.3.5: of two instants it returns the
// first; for a time that clocks skip, it uses the offset before the gap, so that 02:30 becomes 03:30.
func inZone(wall time.Time, zone *time.Location) time.Time {
	shift := func(at time.Time) time.Duration {
		_, seconds := at.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	// The offsets one day earlier and one day later are the offsets before and after any change of clocks that matters here.
	before := wall.Add(-shift(wall.Add(-24 * time.Hour)))
	after := wall.Add(-shift(wall.Add(24 * time.Hour)))
	if !shows(before, zone, wall) && shows(after, zone, wall) {
		return after
	}
	return before
}

func shows(t time.Time, zone *time.Location, wall time.Time) bool {
	_, seconds := t.In(zone).Zone()
	return t.Add(time.Duration(seconds) * time.Second).Equal(wall)
}
