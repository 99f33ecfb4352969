//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
)

// subscribers controls a process that runs client.
type subscribers struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     io.Reader
	took    float64 // seconds to connect
}

// startSubscribers connects all sockets, which subscribe after a cursor, or to what happens from now on. A herd's client takes
// what servers and database leave of the processors, as if it ran elsewhere.
func startSubscribers(s server, after string) subscribers {
	niceness := 0
	if after != "" {
		niceness = 10
	}
	c := exec.Command("nice", "-n", fmt.Sprint(niceness), self(), "client", s.address, s.token, fmt.Sprint(*sockets), fmt.Sprint(*filters), after)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	check(err)
	in, err := c.StdinPipe()
	check(err)
	check(c.Start())
	all := subscribers{process: c, in: in, out: out}
	_, err = fmt.Fscanf(out, "connected %f\n", &all.took)
	check(err)
	return all
}

// command sends a command to the client and reads its answer.
func (s subscribers) command(line string, answer ...any) {
	_, err := fmt.Fprintln(s.in, line)
	check(err)
	_, err = fmt.Fscanln(s.out, answer...)
	check(err)
}

// await waits for a number of deliveries since the previous call and returns their figures.
func (s subscribers) await(expected int) (r result) {
	s.command(fmt.Sprint("await ", expected), &r.deliveries, &r.size, &r.p50, &r.p95, &r.p99, &r.uneven)
	r.missing = expected - r.deliveries
	return r
}

// reconnect closes and reconnects sockets for some seconds and returns how many. A reconnect that fails ends the client,
// and thereby the measurement.
func (s subscribers) reconnect(rate, seconds int) (reconnected int) {
	s.command(fmt.Sprint("reconnect ", rate, " ", seconds), &reconnected)
	return reconnected
}

func (s subscribers) stop() {
	check(s.in.Close())
	check(s.process.Wait())
}
