package importer

import (
	"fmt"
	"time"

	"github.com/closeloop/closeloop/internal/pg"
)

// The import accepts only times with a single meaning: with the year first, or with the month as a word. A text such as
// 01/02/2015 means January to some readers and February to others, and rejects its row.
var (
	days  = [...]string{"2006-1-2", "2006/1/2", "2 Jan 2006", "2-Jan-2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006", "Mon, 2 Jan 2006"}
	hours = [...]string{" 15:04:05", "T15:04:05", " 15:04", "T15:04"} // Parse also accepts a fraction of a second
	zones = [...]string{"Z07:00", " Z07:00", "Z0700", " Z0700", "Z07", " Z07", " UTC", " GMT"}
)

// times reads the times of a file. It tries first the form of the time before, which is that of nearly all times of a file.
type times struct {
	zone *time.Location
	last form
}

// form is a form of times. A time that is not zoned is in the zone of the file.
type form struct {
	layout string
	zoned  bool
}

// forms are all forms. No text means two times by two of them.
var forms = func() (all []form) {
	for _, day := range days {
		all = append(all, form{layout: day})
		for _, hour := range hours {
			all = append(all, form{layout: day + hour})
			for _, suffix := range zones {
				all = append(all, form{layout: day + hour + suffix, zoned: true})
			}
		}
	}
	return all
}()

// read reads a time. A day without a time means midnight. The result is truncated to microseconds, the precision of PostgreSQL.
func (r *times) read(s string) (time.Time, error) {
	t, ok := r.parse(s)
	if !ok {
		return time.Time{}, fmt.Errorf("%q is not a time with a single meaning; write 2015-07-20, 2015-07-20 14:30, 2015-07-20T14:30:00+02:00 or 20 Jul 2015", shorten(s))
	}
	if t = pg.Timestamp(t); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%q is not within the years 1 to 9999", shorten(s))
	}
	return t, nil
}

func (r *times) parse(s string) (time.Time, bool) {
	if len(s) > 40 {
		return time.Time{}, false
	}
	if r.last.layout != "" {
		if t, ok := r.parseAs(r.last, s); ok {
			return t, true
		}
	}
	for _, f := range forms {
		if t, ok := r.parseAs(f, s); ok {
			r.last = f
			return t, true
		}
	}
	return time.Time{}, false
}

func (r *times) parseAs(f form, s string) (time.Time, bool) {
	t, err := time.Parse(f.layout, s)
	if err != nil {
		return time.Time{}, false
	}
	if !f.zoned {
		t = inZone(t, r.zone)
	}
	return t, true
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
