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

// sight is what the subscribers see.
type sight struct {
	epoll int

	mu      sync.Mutex
	sockets []subscriber
	ms      []float64 // each delivery's time since its event began
	size    int       // of a message, in bytes
}

type subscriber struct {
	fd     int
	rest   []byte // of a frame that has come in part
	cursor []byte
	count  int // deliveries, over all its connections
}

func newSight(sockets int) *sight {
	epoll, err := syscall.EpollCreate1(0)
	check(err)
	return &sight{epoll: epoll, sockets: make([]subscriber, sockets)}
}

// add has a socket watched, which is kept alive from then on: pings are answered.
func (s *sight) add(i, fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[i].fd = fd
	check(syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}))
}

// drop cuts a socket off, and tells how far it has got.
func (s *sight) drop(i int) (cursor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	check(syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_DEL, s.sockets[i].fd, nil))
	check(syscall.Close(s.sockets[i].fd))
	s.sockets[i].fd, s.sockets[i].rest = -1, nil
	return string(s.sockets[i].cursor)
}

// watch reads what there is, once a millisecond: a reader that lets itself be woken for each message has the sender pay
// for it, whichever server that is.
func (s *sight) watch() {
	events := make([]syscall.EpollEvent, len(s.sockets))
	buffer := make([]byte, 1<<20)
	for ; ; time.Sleep(time.Millisecond) {
		n, err := syscall.EpollWait(s.epoll, events, -1)
		if err == syscall.EINTR {
			continue
		}
		check(err)
		s.mu.Lock()
		for _, e := range events[:n] {
			s.read(&s.sockets[e.Fd], buffer)
		}
		s.mu.Unlock()
	}
}

func (s *sight) read(socket *subscriber, buffer []byte) {
	if socket.fd < 0 {
		return // dropped since
	}
	had := copy(buffer, socket.rest)
	n, err := syscall.Read(socket.fd, buffer[had:])
	if err == syscall.EAGAIN {
		return
	}
	check(err)
	if n == 0 {
		fmt.Fprintln(os.Stderr, "a socket was closed by the server")
		check(syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_DEL, socket.fd, nil))
		return
	}
	left := s.take(socket, buffer[:had+n])
	socket.rest = append(socket.rest[:0], left...)
}

// take takes whole frames, and gives what is left.
func (s *sight) take(socket *subscriber, b []byte) []byte {
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
		} else if text, ok := after(payload, `"body":"T`); ok {
			began, err := strconv.ParseInt(string(text[:bytes.IndexByte(text, ';')]), 10, 64)
			check(err)
			s.ms, s.size = append(s.ms, float64(now-began)/1e6), size
			if cursor, ok := after(payload, `"cursor":"`); ok {
				socket.cursor = append(socket.cursor[:0], cursor[:bytes.IndexByte(cursor, '"')]...)
			}
			socket.count++
		} else {
			log.Fatalf("unexpected: %s", payload)
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

// tell tells of the deliveries since the last time: how many, of how many bytes, how late, and how many sockets have
// not had as many as the first one.
func (s *sight) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.ms)
	at := func(q float64) float64 {
		if len(s.ms) == 0 {
			return 0
		}
		return s.ms[int(q*float64(len(s.ms)-1))]
	}
	uneven := 0
	for i := range s.sockets {
		if s.sockets[i].count != s.sockets[0].count {
			uneven++
		}
	}
	fmt.Printf("%d %d %f %f %f %d\n", len(s.ms), s.size, at(0.5), at(0.95), at(0.99), uneven)
	s.ms = s.ms[:0]
}
