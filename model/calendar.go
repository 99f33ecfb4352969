package model

import (
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Calendar is the working hours of a team. Targets and escalation steps may count in these hours instead of wall time.
type Calendar struct {
	TimeZone string          `json:"timeZone"` // an IANA name
	Hours    []CalendarHours `json:"hours"`    // sorted by weekday and time; they do not overlap
	Holidays []Date          `json:"holidays"` // sorted, without repetition
}

// CalendarHours is one stretch of working time on one weekday, in the calendar's time zone.
type CalendarHours struct {
	Weekday Weekday   `json:"weekday"`
	From    TimeOfDay `json:"from"`
	To      TimeOfDay `json:"to"` // exclusive
}

// CalendarID is derived from a calendar's content: equal calendars have equal ids. No client ever sees it.
type CalendarID struct{ uuid.UUID }

// StoredCalendar is a calendar as it was when cases were opened with it. It outlives later changes of the rule.
type StoredCalendar struct {
	ID       CalendarID
	Calendar *Calendar `gorm:"serializer:json"`
}

// TableName implements GORM's Tabler: the table is not named after the type.
func (StoredCalendar) TableName() string { return "calendars" }

// calendarNamespace keeps these ids apart from other UUIDs that are derived from the same text (RFC 9562, section 5.5).
var calendarNamespace = uuid.MustParse("5b0e4e0e-6a0f-5d1c-9a52-0c0d1f3a7c11")

// ID derives the calendar's id from its content.
func (c *Calendar) ID() CalendarID {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // cannot happen: a calendar holds only texts and numbers
	}
	return CalendarID{uuid.NewSHA1(calendarNamespace, text)}
}

// Weekday is a day of the week.
type Weekday string

// Weekdays are the days of the week, indexed by time.Weekday.
var Weekdays = [7]Weekday{"SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"}

// TimeOfDay is a wall clock time in minutes after midnight, from 0 (00:00) to 1440 (24:00, the end of the day).
type TimeOfDay int

var timeOfDayPattern = regexp.MustCompile(`^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$`)

// ParseTimeOfDay reads hours and minutes with two digits each, such as 09:00, and 24:00.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	m := timeOfDayPattern.FindStringSubmatch(s)
	switch {
	case m == nil:
		return 0, scalarErrorf("%q is not a time of day from 00:00 to 24:00, such as 09:30", shorten(s))
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
		return scalarErrorf("a time of day must be a string such as \"09:00\"")
	}
	parsed, err := ParseTimeOfDay(s)
	*t = parsed
	return err
}

// MarshalText implements encoding.TextMarshaler, which encoding/json uses.
func (t TimeOfDay) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (t *TimeOfDay) UnmarshalText(text []byte) error { return t.UnmarshalGQL(string(text)) }

// Date is a calendar day without a time zone, written as in ISO 8601 (2026-12-25). Dates sort as texts do.
type Date string

// DateOf returns the day of t in t's own time zone.
func DateOf(t time.Time) Date { return Date(t.Format(time.DateOnly)) }

// ParseDate reads a date such as 2026-12-25 and refuses days that do not exist.
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
		return scalarErrorf("a date must be a string such as \"2026-12-25\"")
	}
	parsed, err := ParseDate(s)
	*d = parsed
	return err
}
