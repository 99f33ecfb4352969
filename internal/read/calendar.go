package read

import (
	"context"
	"time"

	"github.com/closeloop/closeloop/internal/calendar"
	"github.com/closeloop/closeloop/model"
)

// calendars reads those that cases were opened with, ready to count in.
func (r *Reader) calendars(ctx context.Context, ids []model.CalendarID) (map[model.CalendarID]*calendar.Calendar, error) {
	rows, err := loadByID(r, unscoped, func(k *model.StoredCalendar) model.CalendarID { return k.ID })(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[model.CalendarID]*calendar.Calendar, len(ids))
	for id, row := range rows {
		if row == nil {
			return nil, notFound("calendar") // foreign keys forbid it
		}
		if found[id], err = calendar.New(row.Calendar); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// BusinessTime is how long a case has been open, to now or to its closing, by the calendar it was opened with; nil
// where it has none.
func BusinessTime(ctx context.Context, c *model.Case, now time.Time) (*model.Duration, error) {
	hours, err := Optional(ctx, LoadersFrom(ctx).Calendars, c.CalendarID)
	if hours == nil || err != nil {
		return nil, err
	}
	if c.ClosedAt != nil {
		now = *c.ClosedAt
	}
	d := model.Duration(hours.Between(c.OpenedAt, now))
	return &d, nil
}
