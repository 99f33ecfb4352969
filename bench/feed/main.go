// Command feed measures what a delivery of the live feed costs: N sockets with one same subscription (or with several
// different filters), events at a rate, from the mutation on, through the program as it is. Beside it, in the same run
// and in turn with it, stands the limit: a bare gorilla broadcaster, prepared messages of the same size, no GraphQL.
//
//	go build -o closeloop . && go run ./bench/feed -sockets 10000 -rate 5 -seconds 10 -rounds 3
//
// The client is a process of its own: one goroutine, epoll, several loopback source addresses (a source has 28,232
// local ports). What counts for a server is the CPU time of its process and, idle, its resident memory. Programs other
// than ./closeloop, such as the one before a change, are named as arguments.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var (
	sockets = flag.Int("sockets", 10_000, "how many sockets")
	filters = flag.Int("filters", 1, "how many different filters they have")
	rate    = flag.Float64("rate", 5, "events a second")
	seconds = flag.Float64("seconds", 10, "for how long in each round")
	rounds  = flag.Int("rounds", 3, "rounds of each server, in turn")
)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		bare()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "client" {
		client(os.Args[2:])
		return
	}
	flag.Parse()
	programs := flag.Args()
	if len(programs) == 0 {
		programs = []string{"./closeloop"}
	}

	all := []*measured{measure("bare", startBare())}
	for _, program := range programs {
		all = append(all, measure(program, startCloseloop(program)))
	}
	for range *rounds {
		for _, m := range all {
			m.round()
			fmt.Println(m.name, m.results[len(m.results)-1])
		}
	}
	for _, m := range all {
		m.stop()
	}
	limit := all[0].median()
	fmt.Printf("median %s %s\n", all[0].name, limit)
	for _, m := range all[1:] {
		r := m.median()
		fmt.Printf("median %s %s\n%s / bare: CPU %.2f, p50 %.2f, p99 %.2f\n", m.name, r, m.name, r.cpu/limit.cpu, r.p50/limit.p50, r.p99/limit.p99)
	}
}

// result is what one round came to.
type result struct {
	deliveries, lost int
	size             int     // bytes of a message
	cpu              float64 // µs of the server's CPU time for each delivery
	p50, p95, p99    float64 // ms from the event's beginning on
}

func (r result) String() string {
	return fmt.Sprintf("%d deliveries of %d bytes, %d missing; %.2f µs CPU each; p50 %.1f p95 %.1f p99 %.1f ms",
		r.deliveries, r.size, r.lost, r.cpu, r.p50, r.p95, r.p99)
}

// measured is a server with its subscribers and what came of its rounds.
type measured struct {
	name string
	server
	subscribers
	results []result
}

// measure has all subscribers connect to the server, and says what that took.
func measure(name string, s server) *measured {
	empty := s.resident()
	m := &measured{name: name, server: s, subscribers: startSubscribers(s)}
	time.Sleep(3 * time.Second) // what connecting has left behind is collected
	fmt.Printf("%s: %d sockets connected in %.1f s, %.1f KB each\n", name, *sockets, m.took, float64(s.resident()-empty)/float64(*sockets))
	return m
}

// round has so many events happen.
func (m *measured) round() {
	before := m.cpu()
	n := int(*rate * *seconds)
	tick := time.NewTicker(time.Duration(float64(time.Second) / *rate))
	defer tick.Stop()
	done := make(chan struct{}, n)
	for range n {
		<-tick.C
		go func() {
			m.happen(fmt.Sprintf("T%d;%s", time.Now().UnixNano(), strings.Repeat("x", 40)))
			done <- struct{}{}
		}()
	}
	for range n {
		<-done
	}
	r := m.await(n * *sockets)
	r.cpu = (m.cpu() - before).Seconds() * 1e6 / float64(r.deliveries)
	m.results = append(m.results, r)
}

func (m *measured) stop() {
	m.subscribers.stop()
	m.server.stop()
}

func (m *measured) median() (r result) {
	by := func(of func(result) float64) float64 {
		values := make([]float64, len(m.results))
		for i, r := range m.results {
			values[i] = of(r)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	r.cpu = by(func(r result) float64 { return r.cpu })
	r.p50, r.p95, r.p99 = by(func(r result) float64 { return r.p50 }), by(func(r result) float64 { return r.p95 }), by(func(r result) float64 { return r.p99 })
	for _, each := range m.results {
		r.deliveries, r.lost, r.size = r.deliveries+each.deliveries, r.lost+each.lost, each.size
	}
	return r
}

func self() string {
	path, err := os.Executable()
	check(err)
	return path
}

func check(err error) {
	if err != nil {
		log.Fatalf("%v", err)
	}
}

func scratch() string {
	folder, err := os.MkdirTemp("", "feed-*")
	check(err)
	check(os.Chmod(folder, 0o755)) //nolint:gosec // PostgreSQL runs as another user, who must get in
	return filepath.Join(folder, "data")
}
