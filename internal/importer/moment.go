package importer

import (
	"fmt"
	"time"

	"github.com/closeloop/closeloop/internal/pg"
)

// Times are taken where no two readings are possible: the year first, or the month as a word. Numbers such as
// 01/02/2015 are January to some and February to others, and reject their row.
var (
	days  = [...]string{"2006-1-2", "2006/1/2", "2 Jan 2006", "2-Jan-2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006", "Mon, 2 Jan 2006"}
	hours = [...]string{" 15:04:05", "T15:04:05", " 15:04", "T15:04"} // Parse takes a fraction after seconds by itself
	zones = [...]string{"Z07:00", " Z07:00", "Z0700", " Z0700", "Z07", " Z07", " UTC", " GMT"}
)

// readTime reads a time; one without a zone is of the given zone, and a day without a time is its midnight. The
// outcome is cut to microseconds, which is what PostgreSQL keeps.
func readTime(s string, zone *time.Location) (time.Time, error) {
	t, ok := parseTime(s, zone)
	if !ok {
		return time.Time{}, fmt.Errorf("%q is not a time that can be read in one way only; write 2015-07-20, 2015-07-20 14:30, 2015-07-20T14:30:00+02:00 or 20 Jul 2015", shorten(s))
	}
	if t = pg.Timestamp(t); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%q is not within the years 1 to 9999", shorten(s))
	}
	return t, nil
}

func parseTime(s string, zone *time.Location) (time.Time, bool) {
	if len(s) > 40 {
		return time.Time{}, false
	}
	for _, day := range days {
		if t, err := time.Parse(day, s); err == nil {
			return local(t, zone), true
		}
		for _, hour := range hours {
			if t, err := time.Parse(day+hour, s); err == nil {
				return local(t, zone), true
			}
		}
	}
	for _, day := range days {
		for _, hour := range hours {
			for _, suffix := range zones {
				if t, err := time.Parse(day+hour+suffix, s); err == nil {
					return t, true
				}
			}
		}
	}
	return time.Time{}, false
}

// local gives the instant at which clocks of the zone show what wall shows in UTC. time.Date does not promise which
// instant it gives around a change of clocks; this is RFC 5545, section 3.3.5: of two such instants the first, and
// for none (clocks went past it) the one by the offset before the gap, so that 02:30 becomes 03:30.
func local(wall time.Time, zone *time.Location) time.Time {
	shift := func(at time.Time) time.Duration {
		_, seconds := at.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	// A day away on either side, offsets are those of before and after any change that could matter here.
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
