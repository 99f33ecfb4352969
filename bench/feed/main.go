// Command feed measures what a delivery of the live feed costs: N sockets with one same subscription (or with several
// different filters), events at a rate, from the mutation on, through the program as it is. Beside it, in the same run,
// stands the limit: a bare gorilla broadcaster, prepared messages of the same size, no GraphQL.
//
//	go build -o closeloop . && go run ./bench/feed -sockets 10000 -rate 5 -seconds 10 -rounds 3
//
// The client is a process of its own: one goroutine, epoll, several loopback source addresses (a source has 28,232
// local ports). What counts for the server is the CPU time of its process and, idle, its resident memory.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var (
	sockets = flag.Int("sockets", 10_000, "how many sockets")
	filters = flag.Int("filters", 1, "how many different filters they have")
	rate    = flag.Float64("rate", 5, "events a second")
	seconds = flag.Float64("seconds", 10, "for how long")
	rounds  = flag.Int("rounds", 3, "rounds of each server, in turn")
	program = flag.String("closeloop", "./closeloop", "the program")
	only    = flag.String("only", "", "only one server: closeloop or bare")
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
	results := map[string][]result{}
	for range *rounds {
		for _, server := range []string{"bare", "closeloop"} {
			if *only != "" && *only != server {
				continue
			}
			r := round(server)
			results[server] = append(results[server], r)
			fmt.Println(server, r)
		}
	}
	if *only != "" {
		return
	}
	ours, limit := median(results["closeloop"]), median(results["bare"])
	fmt.Println("median closeloop", ours)
	fmt.Println("median bare     ", limit)
	fmt.Printf("closeloop / bare: CPU %.2f, p50 %.2f, p99 %.2f\n", ours.cpu/limit.cpu, ours.p50/limit.p50, ours.p99/limit.p99)
}

// result is what one round came to.
type result struct {
	connected        time.Duration
	idle             float64 // KB of resident memory for each socket
	deliveries, lost int
	cpu              float64 // µs of the server's CPU time for each delivery
	p50, p95, p99    float64 // ms from the event's beginning on
}

func (r result) String() string {
	return fmt.Sprintf("connected in %.1f s, %.1f KB a socket; %d deliveries, %d missing; %.2f µs CPU each; p50 %.1f p95 %.1f p99 %.1f ms",
		r.connected.Seconds(), r.idle, r.deliveries, r.lost, r.cpu, r.p50, r.p95, r.p99)
}

func median(all []result) (m result) {
	by := func(of func(result) float64) float64 {
		values := make([]float64, len(all))
		for i, r := range all {
			values[i] = of(r)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	m.idle, m.cpu = by(func(r result) float64 { return r.idle }), by(func(r result) float64 { return r.cpu })
	m.p50, m.p95, m.p99 = by(func(r result) float64 { return r.p50 }), by(func(r result) float64 { return r.p95 }), by(func(r result) float64 { return r.p99 })
	for _, r := range all {
		m.deliveries, m.lost = m.deliveries+r.deliveries, m.lost+r.lost
	}
	return m
}

// round starts a server and a client, and has so many events happen.
func round(name string) (r result) {
	var s server
	if name == "bare" {
		s = startBare()
	} else {
		s = startCloseloop(*program)
	}
	defer s.stop()
	empty := s.resident()

	c := exec.Command(self(), "client", s.address, s.token, fmt.Sprint(*sockets), fmt.Sprint(*filters))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	check(err)
	end, err := c.StdinPipe()
	check(err)
	check(c.Start())
	var took float64
	_, err = fmt.Fscanf(out, "connected %f\n", &took)
	check(err)
	r.connected = time.Duration(took * float64(time.Second))
	time.Sleep(3 * time.Second) // what connecting has left behind is collected
	r.idle = float64(s.resident()-empty) / float64(*sockets)

	before := s.cpu()
	n := int(*rate * *seconds)
	tick := time.NewTicker(time.Duration(float64(time.Second) / *rate))
	done := make(chan struct{}, n)
	for range n {
		<-tick.C
		go func() {
			s.happen(fmt.Sprintf("T%d;%s", time.Now().UnixNano(), strings.Repeat("x", 40)))
			done <- struct{}{}
		}()
	}
	for range n {
		<-done
	}
	_, err = fmt.Fprintf(end, "%d\n", n*(*sockets)) // the client waits for so many, and tells
	check(err)
	_, err = fmt.Fscanf(out, "%d %f %f %f\n", &r.deliveries, &r.p50, &r.p95, &r.p99)
	check(err)
	r.cpu = (s.cpu() - before).Seconds() * 1e6 / float64(r.deliveries)
	r.lost = n**sockets - r.deliveries
	check(end.Close())
	check(c.Wait())
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
