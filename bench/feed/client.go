//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// client is the process of the subscribers: it connects and says so, takes what comes, and does what it is told, a
// line each.
//
//	await N                waits until so many deliveries have come, and tells what it saw
//	reconnect RATE SECONDS has sockets come back, in turn, with the cursors that they have, and tells how many did
//	stall                  connects one more socket, which never reads
//	stalled                tells whether the server has cut that off
func client(args []string) {
	n, _ := strconv.Atoi(args[2])
	filters, _ := strconv.Atoi(args[3])
	d := door{address: args[0], token: args[1], filters: filters}
	began := time.Now()
	seen := newSight(n)
	go seen.watch()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				seen.add(i, d.connect(i, ""))
			}
		})
	}
	all.Wait()
	fmt.Printf("connected %f\n", time.Since(began).Seconds())

	in := bufio.NewReader(os.Stdin)
	var stalled int
	for {
		var word string
		if _, err := fmt.Fscan(in, &word); err != nil {
			return
		}
		switch word {
		case "await":
			var due int
			_, err := fmt.Fscan(in, &due)
			check(err)
			seen.await(due)
			seen.tell()
		case "reconnect":
			var rate, seconds int
			_, err := fmt.Fscan(in, &rate, &seconds)
			check(err)
			fmt.Println(seen.reconnect(d, rate, rate*seconds))
		case "stall":
			stalled = d.connect(0, "")
			fmt.Println("stalls")
		case "stalled":
			fmt.Println(isCut(stalled))
		}
	}
}

// await waits for so many deliveries; when none have come for three seconds, it gives up.
func (s *sight) await(due int) {
	for last, quiet := -1, 0; quiet < 30; {
		time.Sleep(100 * time.Millisecond)
		s.mu.Lock()
		now := len(s.ms)
		s.mu.Unlock()
		if now >= due {
			return
		}
		if quiet++; now != last {
			last, quiet = now, 0
		}
	}
}

// reconnect has so many sockets, one after the other, cut off and come back from where they were.
func (s *sight) reconnect(d door, rate, times int) int {
	var coming sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for k := range times {
		<-tick.C
		coming.Go(func() {
			i := k % len(s.sockets)
			cursor := s.drop(i)
			s.add(i, d.connect(i, cursor))
		})
	}
	coming.Wait()
	return times
}
