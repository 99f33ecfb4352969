package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// window is the part of a run that is measured.
type window struct {
	warmUp, length time.Duration
	begin, end     func() // are called at its edges
}

// wait returns at the end of the window.
func (w window) wait() (from, to time.Time) {
	time.Sleep(w.warmUp)
	w.begin()
	from = time.Now()
	time.Sleep(w.length)
	to = time.Now()
	w.end()
	return from, to
}

// run is what was seen within a window.
type run struct {
	took    time.Duration
	latency []time.Duration // of each request that was answered, from its first byte to the last one of the answer
}

// answered is a request with its answer.
type answered struct {
	took  time.Duration
	ended time.Time
}

// askAll sends requests on n connections at a time, on each the next one as soon as the answer is there. Every request
// must be answered with status 200 and without an error. The client is as small as possible, because it shares the
// processors with the servers.
func askAll(address string, n int, during window, request func(i int) []byte) run {
	var next atomic.Int64
	var over atomic.Bool
	var running sync.WaitGroup
	all, failed := make([][]answered, n), make([]error, n)
	for i := range n {
		running.Go(func() {
			c, err := dial(address)
			if err != nil {
				failed[i] = err
				return
			}
			defer c.close()
			for !over.Load() {
				text := request(int(next.Add(1)))
				sent := time.Now()
				if _, failed[i] = c.ask(text); failed[i] != nil {
					return
				}
				ended := time.Now()
				all[i] = append(all[i], answered{ended.Sub(sent), ended})
			}
		})
	}
	from, to := during.wait()
	over.Store(true)
	running.Wait()
	check(errors.Join(failed...))
	return runWithin(from, to, all...)
}

// runWithin has the requests whose answers came within the window.
func runWithin(from, to time.Time, all ...[]answered) run {
	r := run{took: to.Sub(from)}
	for _, list := range all {
		for _, a := range list {
			if a.ended.After(from) && !a.ended.After(to) {
				r.latency = append(r.latency, a.took)
			}
		}
	}
	return r
}

// client is one connection.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	body bytes.Buffer
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 1<<15)}, nil
}

func (c *client) close() { _ = c.conn.Close() }

var anError = []byte(`"errors"`)

// ask returns the answer's body, which the next question overwrites.
func (c *client) ask(request []byte) ([]byte, error) {
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, err
	}
	c.body.Reset()
	_, err = io.Copy(&c.body, answer.Body)
	_ = answer.Body.Close()
	switch body := c.body.Bytes(); {
	case err != nil:
		return nil, err
	case answer.StatusCode != http.StatusOK || bytes.Contains(body, anError):
		return nil, fmt.Errorf("%.2000s\nis answered with status %d: %.2000s", request, answer.StatusCode, body)
	default:
		return body, nil
	}
}

// askOne asks one question on a connection of its own.
func askOne(address string, request []byte) []byte {
	c, err := dial(address)
	check(err)
	defer c.close()
	body, err := c.ask(request)
	check(err)
	return body
}

// post returns the bytes of a request with a JSON body.
func post(path, token string, body []byte) []byte {
	authorization := ""
	if token != "" {
		authorization = "Authorization: Bearer " + token + "\r\n"
	}
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\n%sContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, authorization, len(body), body)
}

// get returns the bytes of a request without a body.
func get(path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n\r\n", path)
}
