package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// figures are what one measurement shows. Those of each request are means.
type figures struct {
	rate             float64 // requests/s
	p50, p99         float64 // ms
	server, postgres float64 // µs of processors for each request
	statements       float64 // for each request
	control          float64 // statements that begin and end transactions, for each request
	records, images  float64 // bytes of PostgreSQL's log for each request
}

func figuresOf(r run, server, postgres time.Duration, statements, control, records, images int64) figures {
	n := float64(len(r.latency))
	return figures{
		rate: n / r.took.Seconds(), p50: ms(quantile(r.latency, 0.5)), p99: ms(quantile(r.latency, 0.99)),
		server: float64(server.Microseconds()) / n, postgres: float64(postgres.Microseconds()) / n,
		statements: float64(statements) / n, control: float64(control) / n, records: float64(records) / n, images: float64(images) / n,
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// quantile is the smallest value that at least the share q of the values does not exceed; 0 without values.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// medianOf is the median of one of the figures over the rounds.
func medianOf(rounds []figures, of func(figures) float64) float64 {
	var all []float64
	for _, f := range rounds {
		all = append(all, of(f))
	}
	return median(all)
}

// median of an even number of values is the mean of the two in the middle.
func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// measuredPeer has the figures of one peer for one workload, of each round.
type measuredPeer struct {
	peer   *peer
	rounds []figures
}

const tableHead = `| peer | requests/s | closeloop is | p50, ms | p99, ms | server, µs | PostgreSQL, µs | closeloop needs | statements | log, bytes |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |`

// row is the peer's line of a table. Ratios are closeloop's figure divided by the peer's, within each round: of requests/s,
// or with a single caller of the p50; and of processor time, of the server and PostgreSQL together.
func (m measuredPeer) row(closeloop *measuredPeer, single, writes bool) string {
	of := func(value func(figures) float64) string { return fmt.Sprintf("%.0f", medianOf(m.rounds, value)) }
	speed, effort, cpu, log := "", "", "–", "–"
	if closeloop != nil && closeloop.peer != m.peer {
		if single {
			speed = ratios(closeloop.rounds, m.rounds, func(f figures) float64 { return f.p50 }) + " as long"
		} else {
			speed = ratios(closeloop.rounds, m.rounds, func(f figures) float64 { return f.rate }) + " as fast"
		}
		effort = ratios(closeloop.rounds, m.rounds, func(f figures) float64 { return f.server + f.postgres })
	}
	if m.peer.pid != 0 {
		cpu = of(func(f figures) float64 { return f.server })
	}
	if writes {
		log = of(func(f figures) float64 { return f.records }) + " + " + of(func(f figures) float64 { return f.images })
	}
	return "| " + strings.Join([]string{
		m.peer.name, of(func(f figures) float64 { return f.rate }), speed,
		fmt.Sprintf("%.2f", medianOf(m.rounds, func(f figures) float64 { return f.p50 })), fmt.Sprintf("%.2f", medianOf(m.rounds, func(f figures) float64 { return f.p99 })),
		cpu, of(func(f figures) float64 { return f.postgres }), effort,
		fmt.Sprintf("%.1f + %.1f", medianOf(m.rounds, func(f figures) float64 { return f.statements }), medianOf(m.rounds, func(f figures) float64 { return f.control })), log,
	}, " | ") + " |"
}

// ratios returns the median of the ratios of the rounds, with the least and the greatest.
func ratios(closeloop, other []figures, of func(figures) float64) string {
	var all []float64
	for i := range closeloop {
		all = append(all, of(closeloop[i])/of(other[i]))
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", median(all), slices.Min(all), slices.Max(all))
}
