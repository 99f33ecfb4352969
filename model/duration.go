package model

import (
	"database/sql/driver"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is written as an ISO 8601 duration of hours, minutes and seconds, and stored as microseconds.
type Duration time.Duration

var durationPattern = regexp.MustCompile(`^P(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,6}))?S)?)?$`)

// ParseDuration reads durations such as PT48H, P2D (a day is 24 hours), PT1H30M and PT0.5S. It refuses years, months and
// weeks.
func ParseDuration(s string) (Duration, error) {
	m := durationPattern.FindStringSubmatch(s)
	if m == nil || strings.HasSuffix(s, "P") || strings.HasSuffix(s, "T") {
		return 0, scalarErrorf("%q is not a duration of days, hours, minutes and seconds, such as PT48H or P2D", shorten(s))
	}
	number := func(digits string) int64 {
		n, _ := strconv.ParseInt("0"+digits, 10, 64) // at most nine digits, by the pattern
		return n
	}
	seconds := number(m[1])*24*3600 + number(m[2])*3600 + number(m[3])*60 + number(m[4])
	if seconds >= 100*365*24*3600 {
		return 0, scalarErrorf("%q is too long: a duration must be shorter than 100 years", shorten(s))
	}
	micros := number(m[5] + strings.Repeat("0", 6-len(m[5])))
	d := time.Duration(seconds)*time.Second + time.Duration(micros)*time.Microsecond
	return Duration(d), nil
}

// String writes hours, minutes and seconds, such as PT48H, PT1H30M and PT0S.
func (d Duration) String() string {
	t := time.Duration(d).Truncate(time.Microsecond)
	if t == 0 {
		return "PT0S"
	}
	var b strings.Builder
	if t < 0 {
		b.WriteByte('-')
		t = -t
	}
	b.WriteString("PT")
	if h := t / time.Hour; h > 0 {
		fmt.Fprintf(&b, "%dH", h)
	}
	if m := t % time.Hour / time.Minute; m > 0 {
		fmt.Fprintf(&b, "%dM", m)
	}
	if s := t % time.Minute; s > 0 {
		b.WriteString(strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%06d", s/time.Second, s%time.Second/time.Microsecond), "0"), "."))
		b.WriteByte('S')
	}
	return b.String()
}

func (d Duration) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(d.String())) }

func (d *Duration) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok {
		return scalarErrorf("a duration must be a string such as \"PT48H\"")
	}
	parsed, err := ParseDuration(s)
	*d = parsed
	return err
}

// MarshalText implements encoding.TextMarshaler, which encoding/json uses.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Duration) UnmarshalText(text []byte) error { return d.UnmarshalGQL(string(text)) }

// Value implements driver.Valuer.
func (d Duration) Value() (driver.Value, error) { return time.Duration(d).Microseconds(), nil }

// Scan implements sql.Scanner.
func (d *Duration) Scan(v any) error {
	micros, ok := v.(int64)
	if !ok {
		return fmt.Errorf("read a duration: %T is not a bigint", v)
	}
	*d = Duration(time.Duration(micros) * time.Microsecond)
	return nil
}
