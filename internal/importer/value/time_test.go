package value

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

// at reads a text as the time of a zone; empty: it cannot be read.
func at(text string, z *time.Location, o Order) string {
	w, ok := ReadTime(text, false)
	if !ok {
		return ""
	}
	if orders, open := w.Open(); open {
		if only, one := orders.Only(); one {
			o = only
		}
	}
	t, ok := w.At(z, o)
	if !ok {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func TestReadTime(t *testing.T) {
	t.Parallel()
	t.Run("reads times that say what they mean", func(t *testing.T) {
		t.Parallel()
		berlin := zone(t, "Europe/Berlin")
		for text, want := range map[string]string{
			"2015-07-20":                          "2015-07-19T22:00:00Z",
			"2015-7-2":                            "2015-07-01T22:00:00Z",
			"2015-07-20 14:30":                    "2015-07-20T12:30:00Z",
			"2015-07-20T14:30":                    "2015-07-20T12:30:00Z",
			"2015-07-20 14:30:05":                 "2015-07-20T12:30:05Z",
			"2015-01-20 14:30:05.1234567":         "2015-01-20T13:30:05.123456Z",
			"2015/07/20":                          "2015-07-19T22:00:00Z",
			"2015-07-20T14:30:00Z":                "2015-07-20T14:30:00Z",
			"2015-07-20T14:30Z":                   "2015-07-20T14:30:00Z",
			"2015-07-20T14:30:00.5+05:30":         "2015-07-20T09:00:00.5Z",
			"2015-07-20 14:30:00+02":              "2015-07-20T12:30:00Z",
			"2015-07-20 14:30:00 +0200":           "2015-07-20T12:30:00Z",
			"2015-07-20 14:30:00 UTC":             "2015-07-20T14:30:00Z",
			"2015-07-20 14:30:00 EST":             "2015-07-20T19:30:00Z",
			"2015-07-20 02:30 PM":                 "2015-07-20T12:30:00Z",
			"2015-07-20 12:05 a.m.":               "2015-07-19T22:05:00Z",
			"2015-07-20 12:05\u202fPM":            "2015-07-20T10:05:00Z",
			"20 Jul 2015":                         "2015-07-19T22:00:00Z",
			"20-JUL-2015":                         "2015-07-19T22:00:00Z",
			"2 July 2015 14:30":                   "2015-07-02T12:30:00Z",
			"July 2nd, 2015":                      "2015-07-01T22:00:00Z",
			"Jul 02, 2015 14:30:00":               "2015-07-02T12:30:00Z",
			"Mon, 20 Jul 2015 14:30:00 GMT":       "2015-07-20T14:30:00Z",
			"20. März 2015 um 14:30":              "2015-03-20T13:30:00Z",
			"20. Mai 2015":                        "2015-05-19T22:00:00Z",
			"5 de março de 2024 às 14:05":         "2024-03-05T13:05:00Z",
			"5 de enero de 2024":                  "2024-01-04T23:00:00Z",
			"1er juillet 2024":                    "2024-06-30T22:00:00Z",
			"5 juin 2024":                         "2024-06-04T22:00:00Z",
			"mar. 5 mars 2024":                    "2024-03-04T23:00:00Z",
			"5 mei 2024":                          "2024-05-04T22:00:00Z",
			"14:05 Mar 5, 2024":                   "2024-03-05T13:05:00Z",
			"20.7.2015":                           "2015-07-19T22:00:00Z",
			"05.06.15 14:30":                      "2015-06-05T12:30:00Z",
			"7/20/2015":                           "2015-07-19T22:00:00Z",
			"20/7/15":                             "2015-07-19T22:00:00Z",
			"5/5/2015":                            "2015-05-04T22:00:00Z",
			"20150720":                            "2015-07-19T22:00:00Z",
			"42205":                               "2015-07-19T22:00:00Z",
			"42205.604166666664":                  "2015-07-20T12:30:00Z",
			"45356.38568287037":                   "2024-03-05T08:15:23Z",
			"1437395400":                          "2015-07-20T12:30:00Z",
			"1437395400.5":                        "2015-07-20T12:30:00.5Z",
			"1437395400123":                       "2015-07-20T12:30:00.123Z",
			"0001-01-02":                          "0001-01-01T23:06:32Z",
			"9999-12-31T23:59:59.999999999+01:00": "9999-12-31T22:59:59.999999Z",
		} {
			if got := at(text, berlin, ""); got != want {
				t.Errorf("%q is read as %s, want %s", text, got, want)
			}
		}
	})

	t.Run("leaves the order of numbers open", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string][3]string{
			"5/3/2024":       {"2024-03-05T00:00:00Z", "2024-05-03T00:00:00Z", ""},
			"05-03-2024":     {"2024-03-05T00:00:00Z", "2024-05-03T00:00:00Z", ""},
			"5/3/24 9:15 AM": {"2024-03-05T09:15:00Z", "2024-05-03T09:15:00Z", ""},
			"24-03-05":       {"2005-03-24T00:00:00Z", "2005-03-24T00:00:00Z", "2005-03-24T00:00:00Z"}, // at most two of the orders are possible
			"01-02-03":       {"2003-02-01T00:00:00Z", "2003-01-02T00:00:00Z", "2001-02-03T00:00:00Z"},
		} {
			w, ok := ReadTime(text, false)
			if _, open := w.Open(); !ok || !open {
				t.Errorf("%q is not open", text)
			}
			if text == "24-03-05" {
				if got, _ := w.Open(); got != (Orders{true, false, true}) {
					t.Errorf("%q is open as %v", text, got)
				}
				continue
			}
			for i, o := range orders {
				if got := at(text, time.UTC, o); got != want[i] {
					t.Errorf("%q, %s, is read as %s, want %s", text, o, got, want[i])
				}
			}
		}
	})

	t.Run("counts days from 1904 where the workbook does", func(t *testing.T) {
		t.Parallel()
		w, ok := ReadTime("40743", true)
		if got, _ := w.At(time.UTC, ""); !ok || got.Format(time.DateOnly) != "2015-07-20" {
			t.Errorf("the day is %v, %v", got, ok)
		}
	})

	t.Run("refuses what is no time", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{
			"", "yesterday", "2015", "2015-07", "12345", "99999", "2015-02-30", "2015-13-01", "13/13/2015", "31/04/2015", "20072015", "2015-07-20 25:00", "2015-07-20 24:00",
			"2015-07-20 14:60", "2015-07-20 13:30 PM", "2015-07-20 0:30 AM", "2015-07-20 14", "2015-07-20 CEST", "2015-07-20 14:30 CEST", "2015-07-20 14:30 +25:00",
			"0000-00-00", "0000-01-01", "10000-01-01", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "2015-07-20junk", "5 Foo 2015", "5 March", "March 2015",
			"1/2/3/4", "1-2/2015", "14:30", "5 März 205", "\xff", "1.2.3.4", "-5", "1e9",
		} {
			if got := at(text, time.UTC, DayFirst); got != "" {
				t.Errorf("%q was read as %v", text, got)
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
			if got := at(c.wall, zone(t, c.zone), ""); got != c.want {
				t.Errorf("%s in %s is %v, want %s", c.wall, c.zone, got, c.want)
			}
		}
	})
}

func FuzzReadTime(f *testing.F) {
	for _, seed := range []string{"2015-07-20T14:30:00Z", "5/3/24 9:15 AM", "Tue Mar 05 2024 09:15:23 GMT+0100 (CET)", "20. März 2015", "45356.3856", "1437395400123", "1er juillet 2024",
		"99:99 (", "- - -", "a.m.", "1:2:3.", "12:30 p. 5/5/5", "٣/٣/٢٠٢٤", "\u202f", "24-03-05", "1/1/1 1:01+"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, year1904 := range []bool{false, true} {
			w, ok := ReadTime(text, year1904)
			if !ok {
				continue
			}
			set, open := w.Open()

			for i, o := range orders {
				at, can := w.At(time.UTC, o)
				if can && open && !set[i] {
					t.Fatalf("%q is read %s, which it cannot be", text, o)
				}
				if can {

					if at.Year() < 1 || at.Year() > 9999 || at.Nanosecond()%1000 != 0 {
						t.Fatalf("%q is %v, which cannot be stored", text, at)
					}
				}
			}
			if again, ok := ReadTime(text, year1904); !ok || again != w {
				t.Fatalf("%q is read in two ways", text)
			}

		}
	})
}
