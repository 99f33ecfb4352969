package main

import (
	"math"
	"testing"
)

func TestSpearman(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		a, b []float64
		want float64
	}{
		{"the same order", []float64{1, 2, 3, 4}, []float64{10, 20, 400, 8000}, 1},
		{"the opposite order", []float64{1, 2, 3, 4}, []float64{4, 3, 2, 1}, -1},
		// The example of Wikipedia's article, IQ and hours of TV.
		{"a published example", []float64{106, 86, 100, 101, 99, 103, 97, 113, 112, 110}, []float64{7, 0, 27, 50, 28, 29, 20, 12, 6, 17}, -29.0 / 165},
		{"ties share their ranks", []float64{1, 1, 2, 2}, []float64{1, 2, 3, 4}, 4 / math.Sqrt(20)},
	} {
		if got := spearman(c.a, c.b); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	values := make([]float64, 100)
	for i := range values {
		values[99-i] = float64(i + 1)
	}
	for q, want := range map[float64]float64{0.5: 50, 0.99: 99, 1: 100} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v: %v, not %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	good := row{p50: [2]float64{5, 10}, p99: [2]float64{20, 60}, events: [2]float64{8, 50}}
	if bad := good.verdict(); bad != "" {
		t.Errorf("within all limits: %s", bad)
	}
	for name, worse := range map[string]row{
		"p50":    {p50: [2]float64{5, 10.1}, p99: good.p99, events: good.events},
		"p99":    {p50: good.p50, p99: [2]float64{20, 61}, events: good.events},
		"events": {p50: good.p50, p99: good.p99, events: [2]float64{8, 51}},
		"sick":   {p50: good.p50, p99: good.p99, events: good.events, sick: 1},
		"lost":   {p50: good.p50, p99: good.p99, events: good.events, lost: 1},
	} {
		if worse.verdict() == "" {
			t.Errorf("a worse %s passes", name)
		}
	}
}
