package read

import (
	"context"
	"time"

	"github.com/closeloop/closeloop/internal/calendar"
	"github.com/closeloop/closeloop/model"
)

// calendars loads the calendars with which cases were opened, parsed for counting.
func (r *Reader) calendars(ctx context.Context, ids []model.CalendarID) (map[model.CalendarID]*calendar.Calendar, error) {
	rows, err := loadByID(r, unscoped, func(k *model.StoredCalendar) model.CalendarID { return k.ID })(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[model.CalendarID]*calendar.Calendar, len(ids))
	for id, row := range rows {
		if row == nil {
			return nil, notFound("calendar") // cannot happen: a foreign key protects the row
		}
		if found[id], err = calendar.New(row.Calendar); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// BusinessTime returns how long a case has been open, until now or until its closing, in the business hours of the
// calendar with which the case was opened. It returns nil for a case without a calendar.
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
