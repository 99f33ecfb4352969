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

const query = `subscription ($filter: CaseFilter, $after: String) {caseEvents(filter: $filter, after: $after) {node {id type cursor at note {body}
	snapshot {caseId number version status openedAt dueAt score category comment customerName company country}}}}`

// target is the server that the sockets connect to.
type target struct {
	address, token string
	filters        int // how many filters the sockets use in turn
}

// connect opens a socket from one of a hundred source addresses, subscribes after the cursor unless that is empty, and
// returns the descriptor.
func (t target) connect(i int, after string) int {
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%100))}}).Dial("tcp", t.address)
	check(err)
	_, err = fmt.Fprintf(conn, "GET /graphql HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\nUser-Agent: bench\r\n\r\n", t.address)
	check(err)
	r := bufio.NewReader(conn)
	for first := true; ; first = false {
		line, err := r.ReadString('\n')
		check(err)
		if first && !strings.Contains(line, " 101 ") {
			log.Fatalf("the server refuses the WebSocket: %s", line)
		}
		if line == "\r\n" {
			break
		}
	}
	writeText(conn, map[string]any{"type": "connection_init", "payload": map[string]any{"token": t.token}})
	ack, err := r.ReadString('}')
	check(err)
	if !strings.Contains(ack, "connection_ack") {
		log.Fatalf("the server refuses the token: %s", ack)
	}
	variables := map[string]any{}
	if t.filters > 1 {
		variables["filter"] = map[string]any{"response": map[string]any{"score": map[string]any{"lte": 6 + i%t.filters}}}
	}
	if after != "" {
		variables["after"] = after
	}
	writeText(conn, map[string]any{"id": "1", "type": "subscribe", "payload": map[string]any{"query": query, "variables": variables}})
	file, err := conn.(*net.TCPConn).File() // a duplicate that is not in the runtime's poller
	check(err)
	check(conn.Close())
	fd, err := syscall.Dup(int(file.Fd()))
	check(err)
	check(file.Close())
	check(syscall.SetNonblock(fd, true))
	return fd
}

// writeText writes a JSON value as a masked text frame. The mask is zero.
func writeText(conn net.Conn, m any) {
	text, err := json.Marshal(m)
	check(err)
	frame := []byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}
	if len(text) > 125 {
		frame = []byte{0x81, 0x80 | 126, byte(len(text) >> 8), byte(len(text)), 0, 0, 0, 0}
	}
	_, err = conn.Write(append(frame, text...))
	check(err)
}

// isReset reports whether the peer has reset a socket that was never read.
func isReset(fd int) bool {
	reason, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	check(err)
	return reason == int(syscall.ECONNRESET)
}
