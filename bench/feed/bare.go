//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// bare runs the server that closeloop is compared with: a plain gorilla broadcaster, which sends a prepared message to a
// goroutine for each socket. It has no GraphQL, no sign-in and no database. POST /publish takes the text to send. Before
// that, a socket that subscribes gets a number of messages of so many bytes.
func bare(args []string) {
	first := make([]*websocket.PreparedMessage, number(args[0]))
	for i := range first {
		head := fmt.Sprintf(`{"id":"1","type":"next","payload":{"data":{"caseEvents":{"note":{"body":"T0;%06d"},"pad":"`, i+1)
		const tail = `"}}}}`
		m, err := websocket.NewPreparedMessage(websocket.TextMessage, []byte(head+strings.Repeat("x", max(0, number(args[1])-len(head)-len(tail)))+tail))
		check(err)
		first[i] = m
	}
	var mu sync.Mutex
	all := map[chan *websocket.PreparedMessage]bool{}
	upgrader := websocket.Upgrader{Subprotocols: []string{"graphql-transport-ws"}}
	http.HandleFunc("/publish", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		check(err)
		// As long as closeloop's message for the same text.
		m, err := websocket.NewPreparedMessage(websocket.TextMessage, []byte(`{"id":"1","type":"next","payload":{"data":{"caseEvents":{"node":{"note":{"body":"`+string(text)+`"},"pad":"`+strings.Repeat("x", padding)+`"}}}}}`))
		check(err)
		mu.Lock()
		defer mu.Unlock()
		for c := range all {
			select {
			case c <- m:
			default:
			}
		}
	})
	http.HandleFunc("/graphql", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		messages := make(chan *websocket.PreparedMessage, 256)
		send := func() {
			for _, m := range first {
				if conn.WritePreparedMessage(m) != nil {
					return
				}
			}
			for m := range messages {
				if conn.WritePreparedMessage(m) != nil {
					return
				}
			}
		}
		for {
			_, text, err := conn.ReadMessage()
			switch {
			case err != nil:
				mu.Lock()
				delete(all, messages)
				mu.Unlock()
				close(messages)
				return
			case strings.Contains(string(text), "connection_init"):
				_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"connection_ack"}`))
			case strings.Contains(string(text), "subscribe"):
				mu.Lock()
				all[messages] = true
				mu.Unlock()
				go send()
			}
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(l.Addr())
	check(http.Serve(l, nil)) //nolint:gosec // on loopback
}

// padding makes the bare server's messages as long as closeloop's, about 600 bytes with `extensions.cost`.
const padding = 541
