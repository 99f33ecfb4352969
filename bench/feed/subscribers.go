//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
)

// subscribers are a client process; see client.
type subscribers struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     io.Reader
	took    float64 // seconds to connect
}

func startSubscribers(s server) subscribers {
	c := exec.Command(self(), "client", s.address, s.token, fmt.Sprint(*sockets), fmt.Sprint(*filters))
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

// tell tells the subscribers what to do, and reads their answer.
func (s subscribers) tell(what string, answer ...any) {
	_, err := fmt.Fprintln(s.in, what)
	check(err)
	_, err = fmt.Fscanln(s.out, answer...)
	check(err)
}

// await waits for so many deliveries since the last time, and tells what became of them.
func (s subscribers) await(due int) (r result) {
	s.tell(fmt.Sprint("await ", due), &r.deliveries, &r.size, &r.p50, &r.p95, &r.p99, &r.uneven)
	r.missing = due - r.deliveries
	return r
}

// reconnect has sockets come back, for so many seconds, and tells how many did. One that fails ends the client, and
// with it this.
func (s subscribers) reconnect(rate, seconds int) (came int) {
	s.tell(fmt.Sprint("reconnect ", rate, " ", seconds), &came)
	return came
}

func (s subscribers) stop() {
	check(s.in.Close())
	check(s.process.Wait())
}
