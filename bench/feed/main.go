//go:build linux

// Command feed measures the live feed of the built program, from a mutation to its subscribers.
//
//	go build -o closeloop . && go run ./bench/feed
//
// By default it measures the cost of a delivery: N sockets have the same subscription, or one of several filters, and
// events happen at a fixed rate. In the same run, rounds of closeloop alternate with rounds of a bare gorilla broadcaster,
// which sends prepared messages of the same size without GraphQL. With -reconnects, sockets are closed and reconnect
// during each round, and each must receive every event exactly once. With -stall, every other round has one more socket,
// which never reads. With -herd, all sockets come at once to a server that has just started, each so many events behind; each
// must receive every event exactly once, in order.
//
// The client is a process of its own. It has one goroutine with epoll, and several source addresses, because one address
// has only 28,232 local ports. Of a server, the CPU time of its process is measured, and its resident memory while it is
// idle. Arguments name other programs to measure in place of ./closeloop, such as a build before a change.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	sockets    = flag.Int("sockets", 10_000, "number of sockets")
	filters    = flag.Int("filters", 1, "number of different filters of the subscriptions")
	rate       = flag.Float64("rate", 5, "events a second")
	length     = flag.Int("bytes", 60, "length of the text in an event; a message has about 640 bytes more")
	seconds    = flag.Float64("seconds", 10, "length of a round")
	rounds     = flag.Int("rounds", 3, "rounds of each server")
	reconnects = flag.Int("reconnects", 0, "sockets that are closed and reconnect each second")
	stall      = flag.Bool("stall", false, "measure how a socket that never reads affects the others")
	herd       = flag.Int("herd", 0, "measure how long all sockets take that come at once, so many events behind")
)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		bare(os.Args[2:])
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
		measureReconnects(programs[0])
	case *herd > 0:
		measureHerd(programs[0])
	case *stall:
		measureStall(programs[0])
	default:
		compare(programs)
	}
}

// compare measures the bare broadcaster and each program in alternating rounds.
func compare(programs []string) {
	all := []*measured{measure("bare", startBare(0, 0))}
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

// measureReconnects closes and reconnects sockets during each round.
func measureReconnects(program string) {
	m := measure(program, startCloseloop(program))
	defer m.stop()
	m.round() // every socket receives a cursor
	for range *rounds {
		var reconnected int
		done := make(chan struct{})
		go func() {
			defer close(done)
			reconnected = m.reconnect(*reconnects, int(*seconds))
		}()
		r := m.sendEvents()
		<-done
		r = m.await(r)
		fmt.Printf("%d reconnected; %s; %d sockets did not receive each event exactly once\n", reconnected, r, r.uneven)
	}
}

// measureStall adds a socket that never reads to every other round.
func measureStall(program string) {
	m := measure(program, startCloseloop(program))
	defer m.stop()
	var without, with []result
	for range *rounds {
		before := m.resident()
		r := m.round()
		without = append(without, r)
		between := m.resident()
		fmt.Printf("all sockets read         %s; memory %+d KB\n", r, between-before)
		m.command("stall", new(string))
		r = m.round()
		with = append(with, r)
		var closed bool
		m.command("stalled", &closed)
		fmt.Printf("one socket does not read %s; memory %+d KB; closed by the server: %t\n", r, m.resident()-between, closed)
	}
	a, b := median(with), median(without)
	fmt.Printf("with it / without: CPU %.2f, p50 %.2f, p99 %.2f\n", a.cpu/b.cpu, a.p50/b.p50, a.p99/b.p99)
}

// result holds the figures of one round.
type result struct {
	before   time.Duration // the server's CPU time at the start of the round
	expected int           // deliveries

	deliveries, missing int
	uneven              int     // subscribers that received another number of events than the first one
	size                int     // bytes of a message
	cpu                 float64 // µs of the server's CPU time for each delivery
	p50, p95, p99       float64 // ms from sending the mutation to reading the message
}

func (r result) String() string {
	return fmt.Sprintf("%d deliveries of %d bytes, %d missing; %.2f µs CPU each; p50 %.1f p95 %.1f p99 %.1f ms",
		r.deliveries, r.size, r.missing, r.cpu, r.p50, r.p95, r.p99)
}

// measured is a server with its subscribers and the results of its rounds.
type measured struct {
	name string
	server
	subscribers
	results []result
}

// measure connects all subscribers to the server, and prints the time and the memory that this takes.
func measure(name string, s server) *measured {
	empty := s.resident()
	m := &measured{name: name, server: s, subscribers: startSubscribers(s, "")}
	time.Sleep(3 * time.Second) // let the server free what it used for connecting
	fmt.Printf("%s: %d sockets connected in %.1f s, %.1f KB each\n", name, *sockets, m.took, float64(s.resident()-empty)/float64(*sockets))
	return m
}

// round causes the events of one round and waits until every subscriber has received them.
func (m *measured) round() result {
	r := m.await(m.sendEvents())
	m.results = append(m.results, r)
	return r
}

// sendEvents causes the events of one round. Pass its result to await.
func (m *measured) sendEvents() result {
	n := int(*rate * *seconds)
	r := result{before: m.cpu(), expected: n * *sockets}
	tick := time.NewTicker(time.Duration(float64(time.Second) / *rate))
	defer tick.Stop()
	var sending sync.WaitGroup
	for range n {
		<-tick.C
		sending.Go(func() {
			m.event(fmt.Sprintf("T%d;%s", time.Now().UnixNano(), strings.Repeat("x", max(0, *length-20))))
		})
	}
	sending.Wait()
	return r
}

// await waits until every subscriber has received the events, and completes the result.
func (m *measured) await(started result) result {
	r := m.subscribers.await(started.expected)
	r.cpu = (m.cpu() - started.before).Seconds() * 1e6 / float64(r.deliveries)
	return r
}

func (m *measured) stop() {
	m.subscribers.stop()
	m.server.stop()
}

func median(results []result) (m result) {
	by := func(figure func(result) float64) float64 {
		values := make([]float64, len(results))
		for i, r := range results {
			values[i] = figure(r)
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

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
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
	check(os.Chmod(folder, 0o755)) //nolint:gosec // PostgreSQL runs as another user, which must have access
	return filepath.Join(folder, "data")
}
