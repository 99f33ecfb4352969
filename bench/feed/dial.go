//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"strings"
	"syscall"
)

const query = `subscription ($filter: CaseFilter, $after: String) {caseEvents(filter: $filter, after: $after) {id type cursor at note {body}
	snapshot {caseId number version status openedAt dueAt score category comment customerName company country}}}`

// door is where sockets get in.
type door struct {
	address, token string
	filters        int
}

// connect opens a socket from one of a hundred source addresses, subscribes after a cursor, if there is one, and gives
// its descriptor.
func (d door) connect(i int, after string) int {
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%100))}}).Dial("tcp", d.address)
	check(err)
	_, err = fmt.Fprintf(conn, "GET /graphql HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\nUser-Agent: bench\r\n\r\n", d.address)
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
	say(conn, map[string]any{"type": "connection_init", "payload": map[string]any{"token": d.token}})
	ack, err := r.ReadString('}')
	check(err)
	if !strings.Contains(ack, "connection_ack") {
		log.Fatalf("not let in: %s", ack)
	}
	variables := map[string]any{}
	if d.filters > 1 {
		variables["filter"] = map[string]any{"response": map[string]any{"score": map[string]any{"lte": 6 + i%d.filters}}}
	}
	if after != "" {
		variables["after"] = after
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

// isCut tells whether a socket that was never read is over: the peer has reset it.
func isCut(fd int) bool {
	reason, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	check(err)
	return reason == int(syscall.ECONNRESET)
}
