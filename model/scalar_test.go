package model_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/model"
)

func TestDateTime(t *testing.T) {
	t.Parallel()
	t.Run("is read in UTC and truncated to microseconds", func(t *testing.T) {
		t.Parallel()
		for given, want := range map[string]string{
			"2026-03-01T09:30:00Z":             "2026-03-01T09:30:00Z",
			"2026-03-01T09:30:00+02:00":        "2026-03-01T07:30:00Z",
			"2026-03-01T00:30:00+02:00":        "2026-02-28T22:30:00Z",
			"2026-03-01T09:30:00.5Z":           "2026-03-01T09:30:00.5Z",
			"2026-03-01T09:30:00.123456Z":      "2026-03-01T09:30:00.123456Z",
			"2026-03-01T09:30:00.123456999Z":   "2026-03-01T09:30:00.123456Z",
			"2026-03-01T09:30:00.0000009Z":     "2026-03-01T09:30:00Z",
			"0001-01-01T00:00:00Z":             "0001-01-01T00:00:00Z",
			"9999-12-31T23:59:59.999999Z":      "9999-12-31T23:59:59.999999Z",
			"2024-02-29T12:00:00-11:30":        "2024-02-29T23:30:00Z",
			"1969-12-31T23:59:59.9999999Z":     "1969-12-31T23:59:59.999999Z",
			"2026-03-01T09:30:00.100000+00:00": "2026-03-01T09:30:00.1Z",
		} {
			at, err := model.UnmarshalDateTime(given)
			if err != nil || at.Location() != time.UTC {
				t.Errorf("%s is read as %v: %v", given, at, err)
			}
			if got := written(model.MarshalDateTime(at)); got != `"`+want+`"` {
				t.Errorf("%s is written as %s, not %s", given, got, want)
			}
		}
	})

	t.Run("is written in UTC", func(t *testing.T) {
		t.Parallel()
		at := time.Date(2026, 3, 1, 9, 30, 0, 1999, time.FixedZone("", 3600))
		if got := written(model.MarshalDateTime(at)); got != `"2026-03-01T08:30:00.000001Z"` {
			t.Errorf("written as %s", got)
		}
	})

	t.Run("refuses other texts", func(t *testing.T) {
		t.Parallel()
		for _, given := range []any{
			"", "now", "2026-03-01", "2026-03-01T09:30Z", "2026-03-01T09:30:00", "2026-03-01 09:30:00Z", "2026-02-29T00:00:00Z",
			"2026-13-01T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T09:60:00Z", "2026-3-1T09:30:00Z", "2026-03-01T9:30:00Z",
			"2026-03-01T09:30:00,5Z", "2026-03-01T09:30:00.Z", "2026-03-01T09:30:00+24:00", "2026-03-01T09:30:00+0100",
			"0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z",
			nil, int64(1772357400), json.Number("1772357400"), true,
		} {
			if at, err := model.UnmarshalDateTime(given); !isScalar(err) {
				t.Errorf("%v was read as %v: %v", given, at, err)
			}
		}
	})
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	t.Run("is exact", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			given any
			want  string
		}{
			{"1234.50", "1234.5"}, {"0.1", "0.1"}, {"-0.0001", "-0.0001"}, {"+5", "5"}, {"007", "7"}, {"-0", "0"}, {"0.0000", "0"},
			{"12345678901234567890.1234", "12345678901234567890.1234"}, {"99999999999999999999.9999", "99999999999999999999.9999"},
			{json.Number("10"), "10"}, {json.Number("0.3"), "0.3"}, {int64(-7), "-7"}, {100, "100"},
		} {
			d, err := model.UnmarshalDecimal(c.given)
			if err != nil {
				t.Errorf("%v: %v", c.given, err)
				continue
			}
			if got := written(model.MarshalDecimal(d)); got != `"`+c.want+`"` {
				t.Errorf("%v is written as %s, not %s", c.given, got, c.want)
			}
		}
		if got := written(model.MarshalDecimal(decimal.RequireFromString("1234.5000"))); got != `"1234.5"` {
			t.Errorf("as PostgreSQL gives it, it is written %s", got)
		}
	})

	t.Run("refuses other texts", func(t *testing.T) {
		t.Parallel()
		for _, given := range []any{
			"", "-", ".5", "5.", "1.00001", "123456789012345678901", "1e3", "1E3", "0x10", "NaN", "Infinity", "1,5", "1 000", " 1", "1\n", "١",
			json.Number("1e3"), json.Number("0.00001"), 1.5, nil, true,
		} {
			if d, err := model.UnmarshalDecimal(given); !isScalar(err) {
				t.Errorf("%v was read as %s: %v", given, d, err)
			}
		}
	})
}

func TestEmailAddress(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"ana@example.com": "ana@example.com", "  Ana@Example.com\t": "Ana@Example.com", "a.b+c@sub.example.com": "a.b+c@sub.example.com",
		"ana@localhost": "ana@localhost", "josé@exämple.com": "josé@exämple.com", "o'neil@example.com": "o'neil@example.com",
	} {
		if got, err := model.UnmarshalEmailAddress(given); err != nil || got != want {
			t.Errorf("%q is read as %q: %v", given, got, err)
		}
	}
	for _, given := range []any{
		"", " ", "ana", "ana@", "@example.com", "ana@@example.com", "ana example@example.com",
		"ana@example.com, bo@example.com", "ana@example.com (Ana)", "ana@exa mple.com", "ana@example.com\nBcc: bo@example.com", "ana@\x00example.com",
		"ana@example.com\x00", "a@" + strings.Repeat("b", 253), "ana..b@example.com", "\xff@example.com", nil, 7,
	} {
		if got, err := model.UnmarshalEmailAddress(given); !isScalar(err) {
			t.Errorf("%q was read as %q: %v", given, got, err)
		}
	}
}

func TestInt(t *testing.T) {
	t.Parallel()
	for _, given := range []any{int64(0), int64(math.MaxInt32), int64(math.MinInt32), json.Number("-7"), 7} {
		got, err := model.UnmarshalInt(given)
		text, _ := json.Marshal(given)
		if err != nil || written(model.MarshalInt(got)) != string(text) {
			t.Errorf("%v is read as %d: %v", given, got, err)
		}
	}
	for _, given := range []any{
		int64(math.MaxInt32) + 1, int64(math.MinInt32) - 1, json.Number("2147483648"), json.Number("99999999999999999999"),
		json.Number("1.5"), json.Number("1e3"), 1.5, true, "5", "five",
	} {
		if got, err := model.UnmarshalInt(given); !isScalar(err) {
			t.Errorf("%v was read as %d: %v", given, got, err)
		}
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"", "Ação 📞", "a\tb\n", "\u0001", "\uFFFD"} {
		if got, err := model.UnmarshalString(given); err != nil || got != given {
			t.Errorf("%q is read as %q: %v", given, got, err)
		}
	}
	for _, given := range []any{"a\x00b", "\xff", "a\xc3", 7, json.Number("7"), nil, true} {
		if got, err := model.UnmarshalString(given); !isScalar(err) {
			t.Errorf("%q was read as %q: %v", given, got, err)
		}
	}
}

func TestStoredFilter(t *testing.T) {
	t.Parallel()
	if got := written(model.MarshalStoredFilter(model.StoredFilter(`{"score":{"gte":7}}`))); got != `{"score":{"gte":7}}` {
		t.Errorf("written as %s", got)
	}
	if _, err := model.UnmarshalStoredFilter(map[string]any{}); !isScalar(err) {
		t.Errorf("a stored filter was read: %v", err)
	}
}

func written(m graphql.Marshaler) string {
	var b strings.Builder
	m.MarshalGQL(&b)
	return b.String()
}
