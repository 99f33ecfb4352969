package model

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"
)

// ScalarError says what is wrong with a value in a request. The caller can correct it, so the message goes to the caller.
type ScalarError struct{ Message string }

func (e *ScalarError) Error() string { return e.Message }

func scalarErrorf(format string, args ...any) error {
	return &ScalarError{Message: fmt.Sprintf(format, args...)}
}

// MarshalDateTime writes a time in RFC 3339 and in UTC, with a fraction only where it is not zero.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = io.WriteString(w, strconv.Quote(t.UTC().Format("2006-01-02T15:04:05.999999Z07:00")))
	})
}

// dateTimePattern is needed because time.Parse accepts more than RFC 3339: T9:30:00, a comma before the fraction, +24:00
// (golang/go#54580).
var dateTimePattern = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// UnmarshalDateTime reads a time in RFC 3339 and truncates it to microseconds, the precision of PostgreSQL.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, scalarErrorf("a time must be a string such as \"2026-03-01T09:30:00Z\"")
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || !dateTimePattern.MatchString(s) {
		return time.Time{}, scalarErrorf("%q is not a time in RFC 3339, such as 2026-03-01T09:30:00Z", shorten(s))
	}
	if t = t.UTC().Truncate(time.Microsecond); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, scalarErrorf("%q is not within the years 1 to 9999", shorten(s))
	}
	return t, nil
}

// MarshalDecimal writes the number as a string without trailing zeros.
func MarshalDecimal(d decimal.Decimal) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(d.String())) })
}

var decimalPattern = regexp.MustCompile(`^[+-]?[0-9]{1,20}(\.[0-9]{1,4})?$`)

// UnmarshalDecimal reads an exact number with at most 20 digits before and 4 digits after the decimal point.
func UnmarshalDecimal(v any) (decimal.Decimal, error) {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
	case int64:
		s = strconv.FormatInt(v, 10)
	case int:
		s = strconv.Itoa(v)
	default:
		return decimal.Decimal{}, scalarErrorf("a decimal number must be a string such as \"1234.50\"")
	}
	if !decimalPattern.MatchString(s) {
		return decimal.Decimal{}, scalarErrorf("%q is not a decimal number of at most 20 digits and 4 places, such as 1234.50", shorten(s))
	}
	return decimal.RequireFromString(s), nil
}

// MarshalEmailAddress writes the address unchanged.
func MarshalEmailAddress(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalEmailAddress reads one address as ParseEmailAddress does, and refuses more than one.
func UnmarshalEmailAddress(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", scalarErrorf("an e-mail address must be a string")
	}
	address, further, err := ParseEmailAddress(s)
	if err == nil && further != "" {
		return "", scalarErrorf("%q is more than one e-mail address", shorten(s))
	}
	return address, err
}

// MarshalInt writes a GraphQL Int.
func MarshalInt(i int) graphql.Marshaler { return graphql.MarshalInt(i) }

// UnmarshalInt accepts whole numbers of 32 bits only (GraphQL spec, section 3.5.1); gqlgen's function also accepts 64 bits,
// and texts.
func UnmarshalInt(v any) (int, error) {
	i, err := graphql.UnmarshalInt(v)
	if _, text := v.(string); text || err != nil {
		return 0, scalarErrorf("an Int must be a whole number")
	}
	if i < math.MinInt32 || i > math.MaxInt32 {
		return 0, scalarErrorf("%d does not fit into an Int (32 bits)", i)
	}
	return i, nil
}

// MarshalString writes a GraphQL String.
func MarshalString(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalString refuses texts that PostgreSQL cannot store.
func UnmarshalString(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", scalarErrorf("expected a String")
	}
	if err := CheckText(s); err != nil {
		return "", err
	}
	return s, nil
}

// CheckText refuses the character U+0000 and bytes that are not UTF-8.
func CheckText(s string) error {
	if strings.ContainsRune(s, 0) {
		return scalarErrorf("the character U+0000 is not allowed")
	}
	if strings.ToValidUTF8(s, "") != s {
		return scalarErrorf("the text is not UTF-8")
	}
	return nil
}

// StoredFilter is a filter as a client gave it: a JSON object.
type StoredFilter = json.RawMessage

// MarshalStoredFilter writes the object as it is.
func MarshalStoredFilter(f json.RawMessage) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = w.Write(f) })
}

// UnmarshalStoredFilter exists because gqlgen demands it; no input has this type.
func UnmarshalStoredFilter(any) (json.RawMessage, error) {
	return nil, scalarErrorf("a stored filter cannot be an input; give a ResponseFilter")
}
