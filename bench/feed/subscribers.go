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

// await waits for so many deliveries since the last time, and tells what became of them.
func (s subscribers) await(due int) (r result) {
	_, err := fmt.Fprintf(s.in, "%d\n", due)
	check(err)
	_, err = fmt.Fscanf(s.out, "%d %d %f %f %f\n", &r.deliveries, &r.size, &r.p50, &r.p95, &r.p99)
	check(err)
	r.lost = due - r.deliveries
	return r
}

func (s subscribers) stop() {
	check(s.in.Close())
	check(s.process.Wait())
}
