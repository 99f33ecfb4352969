package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// period is a unit of the calendar by which rows can be grouped.
type period struct {
	unit     string                       // the unit's name in date_trunc
	previous func(time.Time) time.Time    // returns the start of the preceding period
	label    func(start time.Time) string // returns the text that people read
}

var (
	day = &period{"day", func(t time.Time) time.Time { return t.AddDate(0, 0, -1) }, func(t time.Time) string { return t.Format("2 Jan 2006") }}
	// Weeks begin on Monday and are numbered by ISO 8601.
	week = &period{"week", func(t time.Time) time.Time { return t.AddDate(0, 0, -7) }, func(t time.Time) string {
		year, n := t.ISOWeek()
		return fmt.Sprintf("Week %d, %d", n, year)
	}}
	month   = &period{"month", func(t time.Time) time.Time { return t.AddDate(0, -1, 0) }, func(t time.Time) string { return t.Format("January 2006") }}
	quarter = &period{"quarter", func(t time.Time) time.Time { return t.AddDate(0, -3, 0) }, func(t time.Time) string {
		return fmt.Sprintf("Q%d %d", (int(t.Month())+2)/3, t.Year())
	}}
)

// start returns the first day, as a UTC date, of the period that contains t in the time zone.
func (p *period) start(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	y, m, d := t.Date()
	switch p {
	case week:
		d -= (int(t.Weekday()) + 6) % 7
	case month:
		d = 1
	case quarter:
		m, d = (m-1)/3*3+1, 1
	}
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// byPeriod counts by the days, weeks, months or quarters of a time zone, oldest first. The periods have no gap: they
// reach from the oldest period with rows to the newest one. When the filter bounds the time, they also reach out to its
// bounds, but empty periods do not reach past today. When there are more than first periods, it returns the newest.
func byPeriod[F, G any](q selection, d dimension, first int, timeZone *string, figures string, newGroup func(Group, F) *G) ([]*G, error) {
	zone, err := q.zone(timeZone)
	if err != nil {
		return nil, err
	}
	key := "to_char(date_trunc('" + d.period.unit + "', " + d.key + " AT TIME ZONE @zone), 'YYYY-MM-DD')"
	rows, err := countGroups[F](q, d, key, first, figures, map[string]any{"zone": zone.String()})
	if err != nil {
		return nil, fmt.Errorf("count by the %s: %w", d.period.unit, err)
	}
	return periods(q, d, first, zone, rows, newGroup)
}

// periods makes the groups of the periods with rows, newest first, and of the empty ones.
func periods[F, G any](q selection, d dimension, first int, zone *time.Location, rows []countedGroup[F], newGroup func(Group, F) *G) ([]*G, error) {
	counted := make(map[string]F, len(rows))
	for _, row := range rows {
		counted[*row.GroupKey] = row.Figures
	}
	oldest, newest, err := d.period.bounds(q, zone, keysOf(rows))
	if err != nil {
		return nil, err
	}
	out := []*G{}
	for start := newest; !start.Before(oldest) && len(out) < first; start = d.period.previous(start) {
		key := start.Format(time.DateOnly)
		out = append(out, newGroup(Group{Key: &key, Label: d.period.label(start)}, counted[key]))
	}
	slices.Reverse(out)
	return out, nil
}

// bounds returns the first days of the oldest and the newest period of the report. keys holds the periods with rows,
// newest first. The report has no periods when newest is before oldest.
func (p *period) bounds(q selection, zone *time.Location, keys []string) (oldest, newest time.Time, err error) {
	if len(keys) > 0 {
		if newest, err = time.Parse(time.DateOnly, keys[0]); err != nil {
			return oldest, newest, err
		}
		if oldest, err = time.Parse(time.DateOnly, keys[len(keys)-1]); err != nil {
			return oldest, newest, err
		}
	}
	if q.span.From != nil {
		oldest = p.start(*q.span.From, zone)
	}
	if q.span.From == nil && len(keys) == 0 {
		return oldest, oldest.AddDate(0, 0, -1), nil
	}
	if q.span.Bounded() {
		last := q.now
		if to := q.span.To; to != nil && to.Before(last) {
			last = to.Add(-time.Microsecond)
		}
		if last := p.start(last, zone); last.After(newest) {
			newest = last
		}
	}
	return oldest, newest, nil
}

// zone returns the named time zone, or the settings' time zone when name is nil.
func (q selection) zone(name *string) (*time.Location, error) {
	if name == nil {
		var settings model.Settings
		if err := q.db.Take(&settings).Error; err != nil {
			return nil, err
		}
		return model.ParseTimeZone(settings.TimeZone)
	}
	zone, err := model.ParseTimeZone(*name)
	if err != nil {
		return nil, fault.Input("timeZone", "%s", err.Error())
	}
	return zone, nil
}
