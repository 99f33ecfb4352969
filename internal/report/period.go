package report

import (
	"context"
	"fmt"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// period is a unit of the calendar.
type period struct {
	unit  string                       // what date_trunc calls it
	back  func(time.Time) time.Time    // from the start of one to the start of the one before it
	label func(start time.Time) string // for people
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

// byPeriod counts by the days, weeks, months or quarters of a time zone. Of the periods from the oldest that has rows to
// the newest that has, all are there, the oldest first; where these are more than asked for, the newest of them.
func byPeriod[F, G any](ctx context.Context, r *Reports, q question, d dimension, first int, timeZone *string, figures string, of func(Group, F) *G) ([]*G, error) {
	zone, err := r.zone(ctx, timeZone)
	if err != nil {
		return nil, err
	}
	key := "to_char(date_trunc('" + d.period.unit + "', " + d.key + " AT TIME ZONE @zone), 'YYYY-MM-DD')"
	rows, err := count[F](q, d, key, first, figures, map[string]any{"zone": zone})
	if err != nil {
		return nil, fmt.Errorf("count by the %s: %w", d.period.unit, err)
	}
	if len(rows) == 0 {
		return []*G{}, nil
	}
	start, err := time.Parse(time.DateOnly, *rows[0].GroupKey) // the newest
	if err != nil {
		return nil, err
	}
	var newestFirst []*G
	for next := 0; next < len(rows) && len(newestFirst) < first; start = d.period.back(start) {
		key := start.Format(time.DateOnly)
		var figures F
		if *rows[next].GroupKey == key {
			figures = rows[next].Figures
			next++
		}
		newestFirst = append(newestFirst, of(Group{Key: &key, Label: d.period.label(start)}, figures))
	}
	out := make([]*G, 0, len(newestFirst))
	for i := range newestFirst {
		out = append(out, newestFirst[len(newestFirst)-1-i])
	}
	return out, nil
}

// zone is the name of the time zone whose days are meant.
func (r *Reports) zone(ctx context.Context, name *string) (string, error) {
	if name == nil {
		var settings model.Settings
		err := r.db.WithContext(ctx).Take(&settings).Error
		return settings.TimeZone, err
	}
	if _, err := model.ParseTimeZone(*name); err != nil {
		return "", fault.Input("timeZone", "%s", err.Error())
	}
	return *name, nil
}
