package model

import (
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Calendar is when people work: what targets and escalations may count in.
type Calendar struct {
	TimeZone string          `json:"timeZone"` // an IANA name
	Hours    []CalendarHours `json:"hours"`    // by weekday and time, none overlapping
	Holidays []Date          `json:"holidays"` // in order, each once
}

// CalendarHours is one stretch of work on one day of every week, by the wall clock.
type CalendarHours struct {
	Weekday Weekday   `json:"weekday"`
	From    TimeOfDay `json:"from"`
	To      TimeOfDay `json:"to"` // not in it
}

// CalendarID names a calendar by what it says: the same hours have the same id. It is never shown.
type CalendarID struct{ uuid.UUID }

// KeptCalendar is a calendar as cases were opened with it.
type KeptCalendar struct {
	ID       CalendarID
	Calendar *Calendar `gorm:"serializer:json"`
}

// TableName is what the rows are called in SQL.
func (KeptCalendar) TableName() string { return "calendars" }

// calendarSpace makes our ids differ from any other UUIDs made of the same text (RFC 9562, section 5.5).
var calendarSpace = uuid.MustParse("5b0e4e0e-6a0f-5d1c-9a52-0c0d1f3a7c11")

// ID names the calendar by what it says.
func (c *Calendar) ID() CalendarID {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // texts and numbers alone
	}
	return CalendarID{uuid.NewSHA1(calendarSpace, text)}
}

// Weekday is a day of the week.
type Weekday string

// Weekdays are the days of the week in their order, the first being time.Sunday.
var Weekdays = [7]Weekday{"SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"}

// TimeOfDay is what a clock on the wall shows, in minutes after midnight: from 0, which is 00:00, to 1440, which is
// 24:00, the end of the day.
type TimeOfDay int

var timeOfDayPattern = regexp.MustCompile(`^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$`)

// ParseTimeOfDay reads 09:00 or 24:00.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	m := timeOfDayPattern.FindStringSubmatch(s)
	switch {
	case m == nil:
		return 0, scalarErrorf("%q is not a time of day, from 00:00 to 24:00", shorten(s))
	case m[1] == "":
		return 24 * 60, nil
	}
	hour, _ := strconv.Atoi(m[1]) // two digits, by the pattern
	minute, _ := strconv.Atoi(m[2])
	return TimeOfDay(hour*60 + minute), nil
}

func (t TimeOfDay) String() string {
	digits := []byte{'0' + byte(t/600), '0' + byte(t/60%10), ':', '0' + byte(t%60/10), '0' + byte(t%10)}
	return string(digits)
}

func (t TimeOfDay) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(t.String())) }

func (t *TimeOfDay) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok {
		return scalarErrorf("a time of day is a string such as \"09:00\"")
	}
	parsed, err := ParseTimeOfDay(s)
	*t = parsed
	return err
}

// MarshalText is how it is kept in JSON.
func (t TimeOfDay) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (t *TimeOfDay) UnmarshalText(text []byte) error { return t.UnmarshalGQL(string(text)) }

// Date is a day of the calendar as ISO 8601 writes it, 2026-12-25: in no time zone, and in order as texts are.
type Date string

// DateOf is the day that it is at a time, where the time's own zone is.
func DateOf(t time.Time) Date { return Date(t.Format(time.DateOnly)) }

// ParseDate reads 2026-12-25, and only days that there are.
func ParseDate(s string) (Date, error) {
	if t, err := time.Parse(time.DateOnly, s); err != nil || t.Year() < 1 {
		return "", scalarErrorf("%q is not a date, such as 2026-12-25", shorten(s))
	}
	return Date(s), nil
}

func (d Date) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(d))) }

func (d *Date) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok {
		return scalarErrorf("a date is a string such as \"2026-12-25\"")
	}
	parsed, err := ParseDate(s)
	*d = parsed
	return err
}
