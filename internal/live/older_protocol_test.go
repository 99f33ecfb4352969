package live_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/internal/live"
)

// legacy connects a client of the older protocol.
func (w *world) legacy(messages ...string) *client {
	w.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"graphql-ws"}}
	conn, _, err := d.Dial(w.url, http.Header{"Authorization": {"Bearer ann"}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	c := &client{w.t, conn}
	for _, text := range messages {
		c.send(text)
	}
	return c
}

const legacyInit = `{"type":"connection_init","payload":{}}`

func TestOlderProtocol(t *testing.T) {
	t.Parallel()
	t.Run("runs operations", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		// Its clients do not wait for the acknowledgement.
		c := w.legacy(legacyInit, `{"id":"1","type":"start","payload":{"query":"subscription{count(to:2)}"}}`)
		c.expect(`{"type":"connection_ack"}`)
		c.expect(`{"type":"ka"}`)
		c.expect(`{"id":"1","type":"data","payload":{"data":{"count":1}}}`)
		c.expect(`{"id":"1","type":"data","payload":{"data":{"count":2}}}`)
		c.expect(`{"id":"1","type":"complete"}`)
		c.send(`{"id":"2","type":"start","payload":{"query":"query A{hello} query B{nope}","operationName":"B"}}`)
		c.expect(`{"id":"2","type":"error","payload":{"message":"Cannot query field \"nope\" on type \"Query\".","errors":[{"message":"Cannot query field \"nope\" on type \"Query\".","locations":[{"line":1,"column":24}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}}`)
		c.send(`{"id":"3","type":"start","payload":{"query":"{hang}"}}`)
		for receive(t, w.started, "the query") != "hang" {
		}
		c.send(`{"id":"3","type":"start","payload":{"query":"subscription{feed}"}}`) // replaces it
		for receive(t, w.ended, "the query to end") != "hang" {
		}
		w.opens(1)
		w.feed.publish("x")
		c.expect(`{"id":"3","type":"data","payload":{"data":{"feed":"x"}}}`)
		c.send(`{"id":"3","type":"stop"}`)
		for receive(t, w.ended, "the subscription to end") != "feed" {
		}
		c.send(`{"type":"connection_terminate"}`)
		c.expectClose(1000, "Complete")
	})

	t.Run("closes with the code of the client's mistake", func(t *testing.T) {
		t.Parallel()
		hasty := newWorld(t, func(o *live.Options) { o.InitTimeout = 100 * time.Millisecond })
		hasty.legacy().expectClose(4408, "Connection initialisation timeout")
		w := newWorld(t, nil)
		w.legacy(`{"id":"1","type":"start","payload":{"query":"{hello}"}}`).expectClose(4401, "Unauthorized")
		w.legacy(`{"id":"`+strings.Repeat("x", 129)+`","type":"start","payload":{"query":"{hello}"}}`).expectClose(4400, "the 'id' of 'start' is longer than 128 bytes")
		w.legacy(`{"id":"1","type":"subscribe","payload":{"query":"{hello}"}}`).expectClose(4400, "'subscribe' is not a type of message")
		c := w.legacy(`{"type":"connection_init","payload":{"token":"eve"}}`)
		c.expect(`{"type":"connection_error","payload":{"message":"Forbidden"}}`)
		c.expectClose(4403, "Forbidden")
	})

	t.Run("sends keep-alive messages", func(t *testing.T) {
		t.Parallel()
		inTime(t, 200*time.Millisecond, func(interval time.Duration) bool {
			w := newWorld(t, func(o *live.Options) { o.PingInterval = interval })
			c := w.legacy(legacyInit)
			for i, want := range []string{"connection_ack", "ka", "ka", "ka", "ka", "ka"} {
				text, err := c.read()
				if err != nil {
					if _, reason := w.log.closed(t); reason == "No answer to pings" {
						return false // this client did not run for three intervals
					}
					t.Fatal(err)
				}
				if string(text) != `{"type":"`+want+`"}` {
					t.Fatalf("message %d is %s", i, text)
				}
			}
			return true
		})
	})
}

func TestTokenMayHaveSoManySocketsAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *live.Options) { o.MaxSocketsPerToken = 2 })
	first := w.signedIn("ann")
	w.signedIn("ann")
	c := w.connect(nil)
	c.send(initAnn)
	c.expectRetry(4509, "Too many sockets: a token may have at most 2")
	w.log.closed(t)
	w.signedIn("bob")
	_ = first.conn.Close()
	w.log.closed(t)
	w.signedIn("ann")
}
