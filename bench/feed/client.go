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
//	caught N               waits for N deliveries of numbered events, and prints how many came, how many of them were not the
//	                       next of their socket, the bytes of a message, and the seconds since the client began to connect
//	stall                  connects one more socket, which never reads
//	stalled                prints whether the server has closed that socket
func client(args []string) {
	n, _ := strconv.Atoi(args[2])
	filters, _ := strconv.Atoi(args[3])
	t := target{address: args[0], token: args[1], filters: filters}
	after := args[4]
	began := time.Now()
	received := newRecorder(n)
	go received.watch()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				received.add(i, t.connect(i, after))
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
			received.await(expected, 3*time.Second)
			received.report()
		case "caught":
			var expected int
			_, err := fmt.Fscan(in, &expected)
			check(err)
			received.await(expected, time.Minute)
			received.mu.Lock()
			fmt.Printf("%d %d %d %f\n", received.total, received.wrong, received.bytes/max(1, received.total), time.Since(began).Seconds())
			received.mu.Unlock()
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

// await waits for a number of deliveries since the last report. It gives up when none has arrived for some time.
func (r *recorder) await(expected int, patience time.Duration) {
	for last, since := -1, time.Now(); time.Since(since) < patience; {
		time.Sleep(100 * time.Millisecond)
		r.mu.Lock()
		now := r.total
		r.mu.Unlock()
		if now >= expected {
			return
		}
		if now != last {
			last, since = now, time.Now()
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
