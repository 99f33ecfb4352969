package model_test

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	t.Run("reads and writes ISO 8601", func(t *testing.T) {
		t.Parallel()
		for given, want := range map[string]struct {
			d       time.Duration
			written string
		}{
			"PT48H":             {48 * time.Hour, "PT48H"},
			"P2D":               {48 * time.Hour, "PT48H"},
			"P1DT12H":           {36 * time.Hour, "PT36H"},
			"PT1H30M":           {90 * time.Minute, "PT1H30M"},
			"PT90M":             {90 * time.Minute, "PT1H30M"},
			"PT3600S":           {time.Hour, "PT1H"},
			"PT1M1S":            {61 * time.Second, "PT1M1S"},
			"PT0S":              {0, "PT0S"},
			"P0D":               {0, "PT0S"},
			"PT0.5S":            {500 * time.Millisecond, "PT0.5S"},
			"PT0.000001S":       {time.Microsecond, "PT0.000001S"},
			"PT10S":             {10 * time.Second, "PT10S"},
			"PT100.25S":         {100*time.Second + 250*time.Millisecond, "PT1M40.25S"},
			"PT20.10S":          {20*time.Second + 100*time.Millisecond, "PT20.1S"},
			"P1DT1H1M1.000001S": {25*time.Hour + time.Minute + time.Second + time.Microsecond, "PT25H1M1.000001S"},
			"P36499DT23H59M59S": {36500*24*time.Hour - time.Second, "PT875999H59M59S"},
		} {
			d, err := model.ParseDuration(given)
			if err != nil || time.Duration(d) != want.d {
				t.Errorf("%s is read as %v: %v", given, time.Duration(d), err)
			}
			if d.String() != want.written {
				t.Errorf("%s is written as %s, not %s", given, d, want.written)
			}
		}
	})

	t.Run("refuses other texts", func(t *testing.T) {
		t.Parallel()
		for _, given := range []string{
			"", "P", "PT", "P1DT", "48H", "T48H", "PT48", "PT48h", "pt48h", "P1Y", "P1M", "P1W", "PT1.5H", "PT.5S", "PT1.S",
			"-PT1H", "PT-1H", "PT1S1M", "P1D1H", "PT1H ", " PT1H", "PT1H\n", "PT0.0000001S", "PT0,5S", "PT٣H",
			"P36500D", "P100000D", "P1000000D", "PT99999999H", "PT9999999999S", "PT999999999999999999999S",
		} {
			if d, err := model.ParseDuration(given); !isScalar(err) {
				t.Errorf("%q was read as %s: %v", given, d, err)
			}
		}
	})

	t.Run("is a string in GraphQL", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		model.Duration(36 * time.Hour).MarshalGQL(&b)
		if b.String() != `"PT36H"` {
			t.Errorf("written as %s", b.String())
		}
		var d model.Duration
		if err := d.UnmarshalGQL("PT36H"); err != nil || time.Duration(d) != 36*time.Hour {
			t.Errorf("read as %s: %v", d, err)
		}
		for _, given := range []any{nil, 48, int64(48), "48"} {
			if err := d.UnmarshalGQL(given); !isScalar(err) {
				t.Errorf("%v was read as %s: %v", given, d, err)
			}
		}
	})

	t.Run("writes a negative duration with its sign", func(t *testing.T) {
		t.Parallel()
		for d, want := range map[time.Duration]string{
			-90 * time.Minute: "-PT1H30M", -time.Microsecond: "-PT0.000001S", time.Nanosecond: "PT0S", -time.Nanosecond: "PT0S",
		} {
			if got := model.Duration(d).String(); got != want {
				t.Errorf("%v is written as %s, not %s", d, got, want)
			}
		}
	})

	t.Run("is stored as microseconds", func(t *testing.T) {
		t.Parallel()
		d := model.Duration(time.Hour + time.Microsecond)
		stored, err := d.Value()
		if err != nil || stored != int64(3_600_000_001) {
			t.Fatalf("stored as %v: %v", stored, err)
		}
		var back model.Duration
		if err := back.Scan(stored); err != nil || back != d {
			t.Errorf("scanned as %s: %v", back, err)
		}
		if err := back.Scan("PT1H"); err == nil {
			t.Error("a text was scanned")
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"PT48H", "P2D", "PT1H30M", "PT0.5S", "P1DT1H1M1.000001S", "PT", "P1Y", "PT0,5S", "-PT1S"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := model.ParseDuration(s)
		if err != nil {
			if !isScalar(err) {
				t.Fatalf("%q: not the caller's to mend: %v", s, err)
			}
			return
		}
		again, err := model.ParseDuration(d.String())
		if err != nil || again != d {
			t.Fatalf("%q is %d, written %s, read again %d: %v", s, d, d, again, err)
		}
	})
}

func FuzzDurationString(f *testing.F) {
	for _, micros := range []int64{0, 1, 999_999, 1_000_000, 60_000_000, 3_599_999_999, 3_600_000_000, 86_400_000_000} {
		f.Add(micros)
	}
	const century = 100 * 365 * 24 * int64(time.Hour/time.Microsecond)
	f.Fuzz(func(t *testing.T, micros int64) {
		if micros < 0 || micros >= century {
			return // none that we read
		}
		d := model.Duration(micros) * model.Duration(time.Microsecond)
		read, err := model.ParseDuration(d.String())
		if err != nil || read != d {
			t.Fatalf("%d µs are written %s and read %d: %v", micros, d, read, err)
		}
	})
}
