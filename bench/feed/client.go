package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const query = `subscription ($filter: CaseFilter) {caseEvents(filter: $filter) {id type cursor at note {body}
	snapshot {caseId number version status openedAt dueAt score category comment customerName company country}}}`

// client connects, says so, and takes what comes; whenever it is told how many deliveries are due, it waits for them and
// tells what it saw.
func client(args []string) {
	address, token := args[0], args[1]
	n, _ := strconv.Atoi(args[2])
	filters, _ := strconv.Atoi(args[3])
	began := time.Now()
	seen := newSight(n)
	go seen.watch()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				seen.add(i, connect(address, token, i, filters))
			}
		})
	}
	all.Wait()
	fmt.Printf("connected %f\n", time.Since(began).Seconds())

	in := bufio.NewReader(os.Stdin)
	for {
		var due int
		if _, err := fmt.Fscanln(in, &due); err != nil {
			return
		}
		for last, quiet := -1, 0; quiet < 30; {
			time.Sleep(100 * time.Millisecond)
			now := int(seen.count.Load())
			if now >= due {
				break
			}
			if quiet++; now != last {
				last, quiet = now, 0
			}
		}
		seen.tell()
	}
}

// connect opens a socket from one of a hundred source addresses, subscribes, and gives its descriptor.
func connect(address, token string, i, filters int) int {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%100))}}
	conn, err := d.Dial("tcp", address)
	check(err)
	_, err = fmt.Fprintf(conn, "GET /graphql HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\nUser-Agent: bench\r\n\r\n", address)
	check(err)
	r := bufio.NewReader(conn)
	for first := true; ; first = false {
		line, err := r.ReadString('\n')
		check(err)
		if first && !strings.Contains(line, " 101 ") {
			log.Fatalf("no WebSocket: %s", line)
		}
		if line == "\r\n" {
			break
		}
	}
	say(conn, map[string]any{"type": "connection_init", "payload": map[string]any{"token": token}})
	head := make([]byte, 2)
	_, err = r.Read(head)
	check(err)
	for {
		b, err := r.ReadByte()
		check(err)
		if b == '}' {
			break
		}
	}
	variables := map[string]any{}
	if filters > 1 {
		variables["filter"] = map[string]any{"response": map[string]any{"score": map[string]any{"lte": 6 + i%filters}}}
	}
	say(conn, map[string]any{"id": "1", "type": "subscribe", "payload": map[string]any{"query": query, "variables": variables}})
	file, err := conn.(*net.TCPConn).File() // a copy that the runtime's poller does not know
	check(err)
	check(conn.Close())
	fd, err := syscall.Dup(int(file.Fd()))
	check(err)
	check(file.Close())
	check(syscall.SetNonblock(fd, true))
	return fd
}

// say writes a masked text frame; the mask is zero.
func say(conn net.Conn, m any) {
	text, err := json.Marshal(m)
	check(err)
	frame := []byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}
	if len(text) > 125 {
		frame = []byte{0x81, 0x80 | 126, byte(len(text) >> 8), byte(len(text)), 0, 0, 0, 0}
	}
	_, err = conn.Write(append(frame, text...))
	check(err)
}

// sight is what a client has seen.
type sight struct {
	count atomic.Int64
	mu    sync.Mutex
	ms    []float64
	size  int
	epoll int
	fds   []int
	rest  [][]byte // of a frame that has come in part
}

func newSight(sockets int) *sight {
	epoll, err := syscall.EpollCreate1(0)
	check(err)
	return &sight{epoll: epoll, fds: make([]int, sockets), rest: make([][]byte, sockets)}
}

// add has a socket watched, which is kept alive from then on: pings are answered.
func (s *sight) add(i, fd int) {
	s.fds[i] = fd
	check(syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}))
}

// watch reads what there is, once a millisecond: a reader that lets itself be woken for each message has the sender pay
// for it, whichever server that is.
func (s *sight) watch() {
	events := make([]syscall.EpollEvent, len(s.fds))
	buffer := make([]byte, 1<<20)
	for ; ; time.Sleep(time.Millisecond) {
		n, err := syscall.EpollWait(s.epoll, events, -1)
		if err == syscall.EINTR {
			continue
		}
		check(err)
		for _, e := range events[:n] {
			i := e.Fd
			had := copy(buffer, s.rest[i])
			n, err := syscall.Read(s.fds[i], buffer[had:])
			if err == syscall.EAGAIN {
				continue
			}
			check(err)
			if n == 0 {
				fmt.Fprintf(os.Stderr, "socket %d was closed\n", i)
				check(syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_DEL, s.fds[i], nil))
				continue
			}
			left := s.take(s.fds[i], buffer[:had+n])
			s.rest[i] = append(s.rest[i][:0], left...)
		}
	}
}

// take takes whole frames, and gives what is left.
func (s *sight) take(fd int, b []byte) []byte {
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
			_, _ = syscall.Write(fd, []byte{0x8a, 0x80, 0, 0, 0, 0})
		} else if at := bytes.Index(payload, []byte(`"body":"T`)); at >= 0 {
			at += len(`"body":"T`)
			began, err := strconv.ParseInt(string(payload[at:at+bytes.IndexByte(payload[at:], ';')]), 10, 64)
			check(err)
			s.mu.Lock()
			s.ms, s.size = append(s.ms, float64(now-began)/1e6), size
			s.mu.Unlock()
			s.count.Add(1)
		} else {
			fmt.Fprintf(os.Stderr, "unexpected: %s\n", payload)
		}
		b = b[head+size:]
	}
}

func (s *sight) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ms) == 0 {
		fmt.Println("0 0 0 0 0")
		return
	}
	slices.Sort(s.ms)
	at := func(q float64) float64 { return s.ms[int(q*float64(len(s.ms)-1))] }
	fmt.Printf("%d %d %f %f %f\n", len(s.ms), s.size, at(0.5), at(0.95), at(0.99))
	s.ms = s.ms[:0]
	s.count.Store(0)
}
