//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// recorder reads the sockets of all subscribers and records the deliveries.
type recorder struct {
	epoll int

	mu      sync.Mutex
	sockets []subscriber
	ms      []float64 // of each delivery: time since its mutation was sent; not of the numbered ones
	size    int       // of the latest message, in bytes
	total   int       // deliveries since the last report
	bytes   int       // of all messages
	wrong   int       // numbered deliveries that were not the next of their socket
}

type subscriber struct {
	fd     int
	rest   []byte // the part of a frame that has arrived
	cursor []byte
	count  int // deliveries over all connections
}

func newRecorder(sockets int) *recorder {
	epoll, err := syscall.EpollCreate1(0)
	check(err)
	return &recorder{epoll: epoll, sockets: make([]subscriber, sockets)}
}

// add begins to read a socket and to answer its pings.
func (r *recorder) add(i, fd int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sockets[i].fd = fd
	check(syscall.EpollCtl(r.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}))
}

// drop closes a socket and returns the cursor of its latest event.
func (r *recorder) drop(i int) (cursor string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	check(syscall.EpollCtl(r.epoll, syscall.EPOLL_CTL_DEL, r.sockets[i].fd, nil))
	check(syscall.Close(r.sockets[i].fd))
	r.sockets[i].fd, r.sockets[i].rest = -1, nil
	return string(r.sockets[i].cursor)
}

// watch reads what has arrived, once a millisecond. If each message woke the reader, the server's CPU time would include
// the wake-up.
func (r *recorder) watch() {
	events := make([]syscall.EpollEvent, len(r.sockets))
	buffer := make([]byte, 128<<10) // of 10,000 sockets, each has its turn before the server takes it for one that does not read
	for ; ; time.Sleep(time.Millisecond) {
		n, err := syscall.EpollWait(r.epoll, events, -1)
		if err == syscall.EINTR {
			continue
		}
		check(err)
		for _, e := range events[:n] {
			r.mu.Lock() // for each socket, so that others connect meanwhile
			r.read(&r.sockets[e.Fd], buffer)
			r.mu.Unlock()
		}
	}
}

func (r *recorder) read(socket *subscriber, buffer []byte) {
	if socket.fd < 0 {
		return // dropped after epoll reported it
	}
	kept := copy(buffer, socket.rest)
	n, err := syscall.Read(socket.fd, buffer[kept:])
	if err == syscall.EAGAIN {
		return
	}
	check(err)
	if n == 0 {
		fmt.Fprintln(os.Stderr, "the server closed a socket")
		check(syscall.EpollCtl(r.epoll, syscall.EPOLL_CTL_DEL, socket.fd, nil))
		return
	}
	left := r.parse(socket, buffer[:kept+n])
	socket.rest = append(socket.rest[:0], left...)
}

// parse records the whole frames in b and returns the rest.
func (r *recorder) parse(socket *subscriber, b []byte) []byte {
	now := time.Now().UnixNano()
	for {
		if len(b) < 2 {
			return b
		}
		head, size := 2, int(b[1])
		if size == 126 {
			if len(b) < 4 {
				return b
			}
			head, size = 4, int(binary.BigEndian.Uint16(b[2:]))
		}
		if len(b) < head+size {
			return b
		}
		payload := b[head : head+size]
		if b[0] == 0x89 { // a ping
			_, _ = syscall.Write(socket.fd, []byte{0x8a, 0x80, 0, 0, 0, 0})
		} else if text, ok := after(payload, `"body":"T0;`); ok { // an event that happened before anybody subscribed, with its number
			n, err := strconv.Atoi(string(text[:6]))
			check(err)
			if socket.count++; n != socket.count {
				r.wrong++
			}
			r.total, r.bytes, r.size = r.total+1, r.bytes+size, size
		} else if text, ok := after(payload, `"body":"T`); ok {
			began, err := strconv.ParseInt(string(text[:bytes.IndexByte(text, ';')]), 10, 64)
			check(err)
			r.ms, r.size = append(r.ms, float64(now-began)/1e6), size
			if cursor, ok := after(payload, `"cursor":"`); ok {
				socket.cursor = append(socket.cursor[:0], cursor[:bytes.IndexByte(cursor, '"')]...)
			}
			socket.count++
			r.total++
		} else {
			log.Fatalf("unexpected message: %s", payload)
		}
		b = b[head+size:]
	}
}

func after(b []byte, mark string) ([]byte, bool) {
	at := bytes.Index(b, []byte(mark))
	if at < 0 {
		return nil, false
	}
	return b[at+len(mark):], true
}

// report prints the deliveries since the last report: their number, their size in bytes, the percentiles 50, 95 and 99 of
// their times in ms, and how many sockets have received another number of deliveries than the first socket.
func (r *recorder) report() {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.ms)
	at := func(q float64) float64 {
		if len(r.ms) == 0 {
			return 0
		}
		return r.ms[int(q*float64(len(r.ms)-1))]
	}
	uneven := 0
	for i := range r.sockets {
		if r.sockets[i].count != r.sockets[0].count {
			uneven++
		}
	}
	fmt.Printf("%d %d %f %f %f %d\n", len(r.ms), r.size, at(0.5), at(0.95), at(0.99), uneven)
	r.ms, r.total = r.ms[:0], 0
}
