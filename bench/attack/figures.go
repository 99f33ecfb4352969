package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// What a bystander may suffer.
const (
	p50Most = 2.0  // times as long as without the attack
	p99Most = 3.0  // the same
	p99Free = 50.0 // ms that a p99 may always take
)

// quantile is the smallest value that at least the share q of the values does not exceed; 0 without values.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// row compares two measurements.
type row struct {
	p50, p99, events [2]float64 // without the attack and with it, in ms
	refused, lost    int
	sick             int
}

func compare(without, with *figures) row {
	pair := func(of func(*figures) []float64, q float64) [2]float64 {
		return [2]float64{quantile(of(without), q), quantile(of(with), q)}
	}
	list, events := func(f *figures) []float64 { return f.list }, func(f *figures) []float64 { return f.events }
	return row{p50: pair(list, 0.5), p99: pair(list, 0.99), events: pair(events, 0.99), refused: with.refused, lost: with.lost, sick: with.sick}
}

func ratio(pair [2]float64) float64 { return pair[1] / max(pair[0], 0.001) }

// String is the row as the table has it, from the list's p50 on.
func (r row) String() string {
	arrow := func(pair [2]float64) string { return fmt.Sprintf("%.0f → %.0f", pair[0], pair[1]) }
	return strings.Join([]string{
		arrow(r.p50), arrow(r.p99), fmt.Sprintf("%.1f", ratio(r.p50)), fmt.Sprintf("%.1f", ratio(r.p99)),
		arrow(r.events), fmt.Sprintf("%.1f", ratio(r.events)), fmt.Sprint(r.sick),
	}, " | ")
}

// verdict says what was worse than it may be; it is empty if nothing was.
func (r row) verdict() string {
	var bad []string
	if ratio(r.p50) > p50Most {
		bad = append(bad, fmt.Sprintf("the list's p50 is %.1f times as long", ratio(r.p50)))
	}
	for _, p := range []struct {
		name string
		pair [2]float64
	}{{"list", r.p99}, {"event", r.events}} {
		if p.pair[1] > max(p99Most*p.pair[0], p99Free) {
			bad = append(bad, fmt.Sprintf("the %s's p99 is %.0f ms, %.1f times as long", p.name, p.pair[1], ratio(p.pair)))
		}
	}
	for _, n := range []struct {
		count int
		what  string
	}{{r.refused, "lists were not answered"}, {r.lost, "events did not arrive"}, {r.sick, "health checks failed"}} {
		if n.count > 0 {
			bad = append(bad, fmt.Sprintf("%d %s", n.count, n.what))
		}
	}
	return strings.Join(bad, "; ")
}
