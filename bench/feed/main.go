//go:build linux

// Command feed measures the live feed, from the mutation on, through the program as it is.
//
//	go build -o closeloop . && go run ./bench/feed
//
// measures what a delivery costs: N sockets with one same subscription (or with several different filters), events at a
// rate. Beside it, in the same run and in turn with it, stands the limit: a bare gorilla broadcaster, prepared messages
// of the same size, no GraphQL. With -reconnects, sockets are cut off and come back all the while, and each must
// have had every event once. With -stall, rounds in which one more socket never reads take turns with rounds without it.
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
	"sync"
	"time"
)

var (
	sockets    = flag.Int("sockets", 10_000, "how many sockets")
	filters    = flag.Int("filters", 1, "how many different filters they have")
	rate       = flag.Float64("rate", 5, "events a second")
	length     = flag.Int("bytes", 60, "of text in an event; a message has about 500 more")
	seconds    = flag.Float64("seconds", 10, "for how long in each round")
	rounds     = flag.Int("rounds", 3, "rounds of each server, in turn")
	reconnects = flag.Int("reconnects", 0, "sockets that come back, a second")
	stall      = flag.Bool("stall", false, "measure what a socket that never reads does to the others")
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
	switch {
	case *reconnects > 0:
		comeBack(programs[0])
	case *stall:
		stalls(programs[0])
	default:
		compare(programs)
	}
}

// compare has rounds of a bare broadcaster and of each program, in turn.
func compare(programs []string) {
	all := []*measured{measure("bare", startBare())}
	for _, program := range programs {
		all = append(all, measure(program, startCloseloop(program)))
	}
	for range *rounds {
		for _, m := range all {
			fmt.Println(m.name, m.round())
		}
	}
	for _, m := range all {
		m.stop()
	}
	limit := median(all[0].results)
	fmt.Printf("median %s %s\n", all[0].name, limit)
	for _, m := range all[1:] {
		r := median(m.results)
		fmt.Printf("median %s %s\n%s / bare: CPU %.2f, p50 %.2f, p99 %.2f\n", m.name, r, m.name, r.cpu/limit.cpu, r.p50/limit.p50, r.p99/limit.p99)
	}
}

// comeBack has sockets come back during each round.
func comeBack(program string) {
	m := measure(program, startCloseloop(program))
	defer m.stop()
	m.round() // so that all have a cursor
	for range *rounds {
		var came int
		done := make(chan struct{})
		go func() {
			defer close(done)
			came = m.reconnect(*reconnects, int(*seconds))
		}()
		r := m.happen()
		<-done
		r = m.await(r)
		fmt.Printf("%d came back; %s; %d sockets have not had each event once\n", came, r, r.uneven)
	}
}

// stalls has every other round with one more socket, that never reads.
func stalls(program string) {
	m := measure(program, startCloseloop(program))
	defer m.stop()
	var without, with []result
	for range *rounds {
		before := m.resident()
		r := m.round()
		without = append(without, r)
		between := m.resident()
		fmt.Printf("all read          %s; memory %+d KB\n", r, between-before)
		m.tell("stall", new(string))
		r = m.round()
		with = append(with, r)
		var cut bool
		m.tell("stalled", &cut)
		fmt.Printf("one does not read %s; memory %+d KB; cut off: %t\n", r, m.resident()-between, cut)
	}
	a, b := median(with), median(without)
	fmt.Printf("with it / without: CPU %.2f, p50 %.2f, p99 %.2f\n", a.cpu/b.cpu, a.p50/b.p50, a.p99/b.p99)
}

// result is what one round came to.
type result struct {
	before time.Duration // the server's CPU time as the round began
	due    int           // deliveries

	deliveries, missing int
	uneven              int     // subscribers that have not had as many as others
	size                int     // bytes of a message
	cpu                 float64 // µs of the server's CPU time for each delivery
	p50, p95, p99       float64 // ms from the event's beginning on
}

func (r result) String() string {
	return fmt.Sprintf("%d deliveries of %d bytes, %d missing; %.2f µs CPU each; p50 %.1f p95 %.1f p99 %.1f ms",
		r.deliveries, r.size, r.missing, r.cpu, r.p50, r.p95, r.p99)
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

// round has so many events happen, and waits until they have reached all.
func (m *measured) round() result {
	r := m.await(m.happen())
	m.results = append(m.results, r)
	return r
}

// happen has so many events happen; what it returns begins a round.
func (m *measured) happen() result {
	n := int(*rate * *seconds)
	r := result{before: m.cpu(), due: n * *sockets}
	tick := time.NewTicker(time.Duration(float64(time.Second) / *rate))
	defer tick.Stop()
	var happening sync.WaitGroup
	for range n {
		<-tick.C
		happening.Go(func() {
			m.event(fmt.Sprintf("T%d;%s", time.Now().UnixNano(), strings.Repeat("x", max(0, *length-20))))
		})
	}
	happening.Wait()
	return r
}

// await ends a round: the events have reached all subscribers.
func (m *measured) await(begun result) result {
	r := m.subscribers.await(begun.due)
	r.cpu = (m.cpu() - begun.before).Seconds() * 1e6 / float64(r.deliveries)
	return r
}

func (m *measured) stop() {
	m.subscribers.stop()
	m.server.stop()
}

func median(results []result) (m result) {
	by := func(of func(result) float64) float64 {
		values := make([]float64, len(results))
		for i, r := range results {
			values[i] = of(r)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	m.cpu = by(func(r result) float64 { return r.cpu })
	m.p50, m.p95, m.p99 = by(func(r result) float64 { return r.p50 }), by(func(r result) float64 { return r.p95 }), by(func(r result) float64 { return r.p99 })
	for _, r := range results {
		m.deliveries, m.missing, m.size = m.deliveries+r.deliveries, m.missing+r.missing, r.size
	}
	return m
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
