package importer

import (
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("this machine does not know the time zone %s: %v", name, err)
	}
	return z
}

func TestReadTime(t *testing.T) {
	t.Parallel()
	t.Run("accepts times with a single meaning", func(t *testing.T) {
		t.Parallel()
		berlin := zone(t, "Europe/Berlin")
		for text, want := range map[string]string{
			"2015-07-20":                          "2015-07-19T22:00:00Z",
			"2015-7-2":                            "2015-07-01T22:00:00Z",
			"2015-07-20 14:30":                    "2015-07-20T12:30:00Z",
			"2015-07-20T14:30":                    "2015-07-20T12:30:00Z",
			"2015-07-20 14:30:05":                 "2015-07-20T12:30:05Z",
			"2015-07-20T14:30:05":                 "2015-07-20T12:30:05Z",
			"2015-01-20 14:30:05.1234567":         "2015-01-20T13:30:05.123456Z",
			"2015/07/20":                          "2015-07-19T22:00:00Z",
			"2015/07/20 14:30":                    "2015-07-20T12:30:00Z",
			"2015-07-20T14:30:00Z":                "2015-07-20T14:30:00Z",
			"2015-07-20T14:30Z":                   "2015-07-20T14:30:00Z",
			"2015-07-20T14:30:00.5+05:30":         "2015-07-20T09:00:00.5Z",
			"2015-07-20 14:30:00+02":              "2015-07-20T12:30:00Z",
			"2015-07-20 14:30:00 +0200":           "2015-07-20T12:30:00Z",
			"2015-07-20 14:30:00 UTC":             "2015-07-20T14:30:00Z",
			"20 Jul 2015":                         "2015-07-19T22:00:00Z",
			"20-JUL-2015":                         "2015-07-19T22:00:00Z",
			"2 July 2015 14:30":                   "2015-07-02T12:30:00Z",
			"July 2, 2015":                        "2015-07-01T22:00:00Z",
			"Jul 02, 2015 14:30:00":               "2015-07-02T12:30:00Z",
			"Mon, 20 Jul 2015 14:30:00 GMT":       "2015-07-20T14:30:00Z",
			"Mon, 20 Jul 2015 14:30:00 +0200":     "2015-07-20T12:30:00Z",
			"0001-01-02":                          "0001-01-01T23:06:32Z",
			"9999-12-31T23:59:59.999999999+01:00": "9999-12-31T22:59:59.999999Z",
		} {
			got, err := (&times{zone: berlin}).read(text)
			if err != nil || got.Format(time.RFC3339Nano) != want {
				t.Errorf("%q is read as %s, the error %v; want %s", text, got.Format(time.RFC3339Nano), err, want)
			}
		}
	})

	t.Run("reads each form after each other one", func(t *testing.T) {
		t.Parallel()
		r := &times{zone: time.UTC}
		texts := map[string]string{
			"2015-07-20": "2015-07-20T00:00:00Z", "2015-07-20 14:30": "2015-07-20T14:30:00Z", "20 Jul 2015": "2015-07-20T00:00:00Z",
			"2015-07-20T14:30:00+02:00": "2015-07-20T12:30:00Z", "2015-07-20 14:30:00 GMT": "2015-07-20T14:30:00Z",
		}
		for before := range texts {
			for text, want := range texts {
				_, _ = r.read(before)
				if got, err := r.read(text); err != nil || got.Format(time.RFC3339) != want {
					t.Errorf("%q is read as %v after %q, the error %v", text, got, before, err)
				}
			}
		}
		if got, err := r.read("2015-07-20junk"); err == nil {
			t.Errorf("junk was read as %v", got)
		}
	})

	t.Run("refuses ambiguous times", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{
			"01/02/2015", "1.2.2015", "01-02-2015", "13/12/2015", "15-07-20", "20150720", "20072015", "2015", "2015-07", "42205",
			"1437395400", "2015-02-30", "2015-13-01", "2015-07-20 25:00", "2015-07-20 24:00", "2015-07-20 14", "2015-07-20 CEST",
			"2015-07-20 14:30 CEST", "2015-07-20 02:30 PM", "yesterday", "0000-00-00", "0000-01-01", "10000-01-01", "9999-12-31T23:59:59-01:00",
			"0001-01-01T00:00:00+01:00", "2015-07-20junk",
		} {
			rejected(t, "at", text, Columns{Score: "s", RespondedAt: "at"}, text)
			if got, err := (&times{zone: time.UTC}).read(text); err == nil {
				t.Errorf("%q was read as %v, want an error", text, got)
			}
		}
	})

	t.Run("is determined around a change of clocks", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ zone, wall, want string }{
			{"Europe/Berlin", "2015-03-29 01:59", "2015-03-29T00:59:00Z"},
			{"Europe/Berlin", "2015-03-29 02:30", "2015-03-29T01:30:00Z"}, // this time is skipped: 03:30 CEST
			{"Europe/Berlin", "2015-03-29 03:00", "2015-03-29T01:00:00Z"},
			{"Europe/Berlin", "2015-10-25 01:59", "2015-10-24T23:59:00Z"},
			{"Europe/Berlin", "2015-10-25 02:30", "2015-10-25T00:30:00Z"}, // this time occurs twice; the first is CEST
			{"Europe/Berlin", "2015-10-25 03:00", "2015-10-25T02:00:00Z"},
			{"America/Sao_Paulo", "2015-10-18", "2015-10-18T03:00:00Z"}, // midnight is skipped: 01:00
			{"America/New_York", "2015-11-01 01:30", "2015-11-01T05:30:00Z"},
			{"Australia/Lord_Howe", "2015-10-04 02:15", "2015-10-03T15:45:00Z"}, // the change is half an hour
			{"Pacific/Apia", "2011-12-30 12:00", "2011-12-30T22:00:00Z"},        // this day was skipped
			{"Asia/Kathmandu", "2015-07-20 12:00", "2015-07-20T06:15:00Z"},
		} {
			got, err := (&times{zone: zone(t, c.zone)}).read(c.wall)
			if err != nil || got.Format(time.RFC3339) != c.want {
				t.Errorf("%s in %s is %v, the error %v; want %s", c.wall, c.zone, got, err, c.want)
			}
		}
	})
}
