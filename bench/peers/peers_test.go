package main

import (
	"reflect"
	"testing"
	"time"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	read := func(text string) any {
		answer, err := canonical([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	closeloop := read(`{"data": {"case": {"number": 7, "openedAt": "2026-11-29T10:00:00.5Z", "pageInfo": {"endCursor": "a", "hasNextPage": true}}}, "extensions": {"cost": 1}}`)
	t.Run("takes times, large numbers and cursors as they are meant", func(t *testing.T) {
		t.Parallel()
		other := read(`{"data": {"case": {"openedAt": "2026-11-29T11:00:00.500000+01:00", "number": "7", "pageInfo": {"hasNextPage": true, "endCursor": "b"}}}}`)
		if !reflect.DeepEqual(closeloop, other) {
			t.Errorf("%v is not %v", other, closeloop)
		}
	})
	t.Run("sees every difference", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{
			`{"data": {"case": {"number": 8, "openedAt": "2026-11-29T10:00:00.5Z", "pageInfo": {"endCursor": "a", "hasNextPage": true}}}}`,
			`{"data": {"case": {"number": 7, "openedAt": "2026-11-29T10:00:00.6Z", "pageInfo": {"endCursor": "a", "hasNextPage": true}}}}`,
			`{"data": {"case": {"number": 7, "openedAt": "2026-11-29T10:00:00.5Z", "pageInfo": {"endCursor": null, "hasNextPage": true}}}}`,
			`{"data": {"case": {"number": 7, "openedAt": "2026-11-29T10:00:00.5Z", "pageInfo": {"endCursor": "a", "hasNextPage": false}}}}`,
			`{"data": {"case": null}}`,
		} {
			if other := read(text); reflect.DeepEqual(closeloop, other) {
				t.Errorf("%s counts as the same", text)
			}
		}
	})
}

func TestOpensCase(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		`{"data": {"submitResponse": {"case": {"number": 7, "assignee": {"name": "Ana"}}}}}`:   true,
		`{"data": {"submitResponse": {"case": {"number": "7", "assignee": {"name": "Ana"}}}}}`: true,
		`{"data": {"submitResponse": {"case": {"number": 7, "assignee": null}}}}`:              false,
		`{"data": {"submitResponse": {"case": null}}}`:                                         false,
		`{"data": null}`: false,
	} {
		if err := opensCase([]byte(text)); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPgbenchLog(t *testing.T) {
	t.Parallel()
	got, err := parseTransaction("3 17 2500 0 1795993681 500250\n")
	if want := (answered{took: 2500 * time.Microsecond, ended: time.Unix(1795993681, 500_250_000)}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := parseTransaction("0 1 skipped 0 1 2"); err == nil {
		t.Error("a transaction without a time is accepted")
	}
}

func TestRunWithin(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	r := runWithin(at(1000), at(2000), []answered{{1, at(1000)}, {2, at(1001)}}, []answered{{3, at(2000)}, {4, at(2001)}})
	if want := (run{took: time.Second, latency: []time.Duration{2, 3}}); !reflect.DeepEqual(r, want) {
		t.Errorf("%+v", r)
	}
}

func TestBind(t *testing.T) {
	t.Parallel()
	if got := bind("a = $1 AND (b, c) < ($2, $1)", "country0", "at0"); got != "a = :country0 AND (b, c) < (:at0, :country0)" {
		t.Error(got)
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	t.Run("are means of each request", func(t *testing.T) {
		t.Parallel()
		r := run{took: 2 * time.Second, latency: []time.Duration{3 * time.Millisecond, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond}}
		want := figures{rate: 2, p50: 2, p99: 4, server: 1000, postgres: 500, statements: 2, control: 1, records: 100, images: 50}
		if got := figuresOf(r, 4*time.Millisecond, 2*time.Millisecond, 8, 4, 400, 200); got != want {
			t.Errorf("%+v", got)
		}
	})
	t.Run("are compared within a round", func(t *testing.T) {
		t.Parallel()
		closeloop := []figures{{rate: 10, p50: 4}, {rate: 40, p50: 1}, {rate: 20, p50: 2}}
		other := []figures{{rate: 20, p50: 1}, {rate: 20, p50: 1}, {rate: 20, p50: 1}}
		if got := ratios(closeloop, other, func(f figures) float64 { return f.rate }); got != "1.00 (0.50–2.00)" {
			t.Error(got)
		}
		if got := ratios(closeloop, other, func(f figures) float64 { return f.p50 }); got != "2.00 (1.00–4.00)" {
			t.Error(got)
		}
	})
}

func TestWritesAreSpreadEvenly(t *testing.T) {
	t.Parallel()
	for begin := range 300 {
		n := 0
		for i := range 100 {
			if isWrite(begin+i, 7) {
				n++
			}
		}
		if n != 7 {
			t.Fatalf("of 100 requests from %d on, %d write", begin, n)
		}
	}
}
