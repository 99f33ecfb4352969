package live_test

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/live"
	"github.com/gorilla/websocket"
)

// stuck is larger than any pair of socket buffers: such a message blocks the writer for good when
// the client does not read.
const stuck = "16000000"

// thatDoesNotRead connects a client with a small receive buffer, subscribes to a flood, and returns when
// the server's writer is blocked: the second response is asked for once the first is with the writer.
func (w *world) thatDoesNotRead() *client {
	w.t.Helper()
	d := websocket.Dialer{
		Subprotocols: []string{"graphql-transport-ws"},
		NetDial: func(network, address string) (net.Conn, error) {
			conn, err := net.Dial(network, address)
			if err == nil {
				err = conn.(*net.TCPConn).SetReadBuffer(4096)
			}
			return conn, err
		},
	}
	conn, _, err := d.Dial(w.url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	c := &client{w.t, conn}
	c.send(`{"type":"connection_init","payload":{"token":"ann"}}`)
	c.expect(`{"type":"connection_ack"}`)
	c.subscribe("flood", `subscription{flood(bytes:`+stuck+`)}`)
	receive(w.t, w.pulled, "the flood")
	return c
}

func TestSocket(t *testing.T) {
	t.Parallel()
	t.Run("cuts off a slow consumer while others receive", func(t *testing.T) {
		t.Parallel()
		inTime(t, time.Second, func(deadline time.Duration) bool {
			w := newWorld(t, func(o *live.Options) { o.WriteTimeout = deadline })
			c := w.signedIn("bob")
			c.subscribe("1", `subscription{ticks(topic:"b")}`)
			slow := w.thatDoesNotRead()

			type end struct {
				code   int
				reason string
			}
			ended := make(chan end, 1)
			go func() {
				code, reason := w.log.closed(t)
				ended <- end{code, reason}
			}()
			during, cut := 0, false
			for !cut {
				w.tick("b", 1)
				c.expect(`{"id":"1","type":"next","payload":{"data":{"ticks":1}}}`)
				select {
				case e := <-ended:
					if e != (end{4508, "Slow consumer"}) {
						t.Errorf("ended with %v", e)
					}
					cut = true
				default:
					during++
				}
			}
			w.tick("b", 2)
			c.expect(`{"id":"1","type":"next","payload":{"data":{"ticks":2}}}`)

			if _, err := slow.read(); !errors.Is(err, syscall.ECONNRESET) { // a browser calls that 1006
				t.Errorf("the slow consumer saw %v", err)
			}
			return during > 0 // something was received while the slow consumer was blocked
		})
	})

	t.Run("answers pings and reads while a write is blocked", func(t *testing.T) {
		t.Parallel()
		// Nothing below waits for a deadline: it would take longer than the test does.
		w := newWorld(t, func(o *live.Options) { o.WriteTimeout, o.PingInterval = time.Hour, time.Hour })
		c := w.thatDoesNotRead()
		for range 30 {
			if err := c.conn.WriteControl(websocket.PingMessage, []byte("there?"), time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
		}
		c.send(`{"id":"flood","type":"complete"}`)
		if name := receive(t, w.ended, "the flood to end"); name != "flood" {
			t.Fatalf("%s ended", name)
		}
		c.subscribe("1", `{hang}`)
		for receive(t, w.started, "the query") != "hang" {
		}
	})

	t.Run("cuts off a blocked peer that does not take the close frame", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) {
			o.WriteTimeout, o.PingInterval, o.CloseTimeout = time.Hour, time.Hour, 50*time.Millisecond
		})
		c := w.thatDoesNotRead()
		c.send(`what?`)
		if code, _ := w.log.closed(t); code != 4400 {
			t.Fatalf("ended with %d", code)
		}
	})

	t.Run("cuts off a peer that does not answer pings", func(t *testing.T) {
		t.Parallel()
		inTime(t, 100*time.Millisecond, func(interval time.Duration) bool {
			w := newWorld(t, func(o *live.Options) { o.PingInterval = interval })
			c := w.connect(nil)
			c.send(initAnn)
			if _, err := c.read(); err != nil {
				return false // the client did not run for three intervals
			}
			pings := 0
			c.conn.SetPingHandler(func(string) error { pings++; return nil })
			if text, err := c.read(); err == nil {
				t.Fatalf("got %s", text)
			}
			// The first may have been sent before the client's last pong arrived.
			if pings != 2 && pings != 3 {
				t.Errorf("it was pinged %d times", pings)
			}
			if code, reason := w.log.closed(t); code != 1006 || reason != "No answer to pings" {
				t.Errorf("ended with %d %q", code, reason)
			}
			return true
		})
	})

	t.Run("keeps a peer that answers pings", func(t *testing.T) {
		t.Parallel()
		inTime(t, 700*time.Millisecond, func(interval time.Duration) bool {
			w := newWorld(t, func(o *live.Options) { o.PingInterval = interval })
			c := w.signedIn("ann")
			pings := 0
			c.conn.SetPingHandler(func(data string) error {
				if pings++; pings == 4 { // well past the three intervals that a silent peer has
					c.subscribe("1", `{hello}`)
				}
				return c.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(patience))
			})
			text, err := c.read()
			if err != nil {
				if _, reason := w.log.closed(t); reason == "No answer to pings" {
					return false // the client did not run for three intervals
				}
				t.Fatal(err)
			}
			if string(text) != `{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}` {
				t.Fatalf("got %s", text)
			}
			return true
		})
	})

	t.Run("closes after a message that is too big", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.MaxMessageBytes = 100 })
		for _, size := range []int{101, 5_000_000} {
			c := w.signedIn("ann")
			c.send(strings.Repeat(" ", size))
			c.expectClose(1009, "A message may have at most 100 bytes")
		}
		c := w.signedIn("ann")
		ping := `{"type":"ping"}`
		c.send(ping + strings.Repeat(" ", 100-len(ping)))
		c.expect(`{"type":"pong"}`)
	})

	t.Run("closes after a message that is not text", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		if err := c.conn.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`)); err != nil {
			t.Fatal(err)
		}
		c.expectClose(4400, "the message is not text")
		c = w.signedIn("ann")
		c.send("{\"type\":\"\xff\"}")
		c.expectClose(1007, "Text is not UTF-8")
	})

	t.Run("answers a peer's close frame and ends its operations", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.subscribe("1", `{hang}`)
		receive(t, w.started, "the query")
		bye := websocket.FormatCloseMessage(1000, "Normal Closure")
		if err := c.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		c.expectClose(1000, "Normal Closure")
		receive(t, w.ended, "the query to end")
		if code, _ := w.log.closed(t); code != 1000 {
			t.Fatalf("ended with %d", code)
		}
	})

	t.Run("ends its operations when the connection is lost", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.subscribe("1", `subscription{ticks(topic:"a")}`)
		receive(t, w.started, "the subscription")
		_ = c.conn.Close()
		receive(t, w.ended, "the subscription to end")
		if code, _ := w.log.closed(t); code != 1006 {
			t.Fatalf("ended with %d", code)
		}
	})
}
