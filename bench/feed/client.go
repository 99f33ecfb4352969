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

// client is the process of the subscribers. It connects all sockets, prints how long that took, and then obeys commands
// on its standard input. Each command is answered with one line.
//
//	await N                waits for N deliveries and prints their figures
//	reconnect RATE SECONDS closes sockets in turn, reconnects each with its cursor, and prints how many it reconnected
//	stall                  connects one more socket, which never reads
//	stalled                prints whether the server has closed that socket
func client(args []string) {
	n, _ := strconv.Atoi(args[2])
	filters, _ := strconv.Atoi(args[3])
	t := target{address: args[0], token: args[1], filters: filters}
	began := time.Now()
	received := newRecorder(n)
	go received.watch()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				received.add(i, t.connect(i, ""))
			}
		})
	}
	all.Wait()
	fmt.Printf("connected %f\n", time.Since(began).Seconds())

	in := bufio.NewReader(os.Stdin)
	var stalled int
	for {
		var command string
		if _, err := fmt.Fscan(in, &command); err != nil {
			return
		}
		switch command {
		case "await":
			var expected int
			_, err := fmt.Fscan(in, &expected)
			check(err)
			received.await(expected)
			received.report()
		case "reconnect":
			var rate, seconds int
			_, err := fmt.Fscan(in, &rate, &seconds)
			check(err)
			fmt.Println(received.reconnect(t, rate, rate*seconds))
		case "stall":
			stalled = t.connect(0, "")
			fmt.Println("ok")
		case "stalled":
			fmt.Println(isReset(stalled))
		}
	}
}

// await waits for a number of deliveries. It gives up when none has arrived for three seconds.
func (r *recorder) await(expected int) {
	for last, quiet := -1, 0; quiet < 30; {
		time.Sleep(100 * time.Millisecond)
		r.mu.Lock()
		now := len(r.ms)
		r.mu.Unlock()
		if now >= expected {
			return
		}
		if quiet++; now != last {
			last, quiet = now, 0
		}
	}
}

// reconnect closes sockets one after the other and reconnects each with its cursor. The rate is per second.
func (r *recorder) reconnect(t target, rate, times int) int {
	var reconnecting sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for k := range times {
		<-tick.C
		reconnecting.Go(func() {
			i := k % len(r.sockets)
			cursor := r.drop(i)
			r.add(i, t.connect(i, cursor))
		})
	}
	reconnecting.Wait()
	return times
}
