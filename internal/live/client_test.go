package live_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// client sends the test's messages, and by itself only pongs.
type client struct {
	t    *testing.T
	conn *websocket.Conn
}

func (w *world) connect(header http.Header) *client {
	w.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, _, err := d.Dial(w.url, header)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	return &client{w.t, conn}
}

// signedIn connects and is acknowledged.
func (w *world) signedIn(bearer string) *client {
	w.t.Helper()
	c := w.connect(nil)
	c.send(`{"type":"connection_init","payload":{"token":"` + bearer + `"}}`)
	c.expect(`{"type":"connection_ack"}`)
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// subscribe sends a query under an id, with quotes escaped.
func (c *client) subscribe(id, query string) {
	c.t.Helper()
	q, _ := json.Marshal(query)
	c.send(`{"id":"` + id + `","type":"subscribe","payload":{"query":` + string(q) + `}}`)
}

func (c *client) read() ([]byte, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	_, text, err := c.conn.ReadMessage()
	return text, err
}

// expect reads one message, which must be that text.
func (c *client) expect(want string) {
	c.t.Helper()
	text, err := c.read()
	if err != nil {
		c.t.Fatalf("got %v, want %s", err, want)
	}
	if string(text) != want {
		c.t.Fatalf("got %s, want %s", text, want)
	}
}

// expectClose reads on to the close frame; no message may come before it.
func (c *client) expectClose(code int, reason string) {
	c.t.Helper()
	if gotCode, text := c.closed(); gotCode != code || text != reason {
		c.t.Fatalf("closed with %d %q, want %d %q", gotCode, text, code, reason)
	}
}

// expectRetry reads on to the close frame, whose reason names a time to come back; no message may come before it.
func (c *client) expectRetry(code int, reason string) {
	c.t.Helper()
	gotCode, text := c.closed()
	rest, is := strings.CutPrefix(text, reason+"; retry after ")
	if ms, err := strconv.Atoi(strings.TrimSuffix(rest, " ms")); gotCode != code || !is || err != nil || ms <= 0 {
		c.t.Fatalf("closed with %d %q, want %d %q and a time to come back", gotCode, text, code, reason)
	}
}

func (c *client) closed() (code int, reason string) {
	c.t.Helper()
	text, err := c.read()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		c.t.Fatalf("got %s (%v), want the close frame", text, err)
	}
	return closed.Code, closed.Text
}

// expectPong fails unless the socket still answers and sends nothing else before.
func (c *client) expectPong() {
	c.t.Helper()
	c.send(`{"type":"ping"}`)
	c.expect(`{"type":"pong"}`)
}
