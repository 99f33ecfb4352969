package live_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/live"
	"github.com/gorilla/websocket"
)

const initAnn = `{"type":"connection_init","payload":{"token":"ann"}}`

func TestConnection(t *testing.T) {
	t.Parallel()
	t.Run("closes with the code of the client's mistake", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		subscribeTicks := `{"id":"1","type":"subscribe","payload":{"query":"subscription{ticks(topic:\"a\")}"}}`
		for name, test := range map[string]struct {
			acked  bool
			send   []string
			code   int
			reason string
		}{
			"no JSON":                   {send: []string{`hello`}, code: 4400, reason: "the message is not a JSON object"},
			"unknown type":              {send: []string{`{"type":"start"}`}, code: 4400, reason: "'start' is not a type of message"},
			"a server's type":           {acked: true, send: []string{`{"type":"next","id":"1","payload":{}}`}, code: 4400, reason: "only the server may send 'next'"},
			"subscribe without id":      {acked: true, send: []string{`{"type":"subscribe","payload":{"query":"{hello}"}}`}, code: 4400, reason: "the 'id' of 'subscribe' is not a non-empty string"},
			"a long id":                 {acked: true, send: []string{`{"type":"subscribe","id":"` + strings.Repeat("é", 65) + `","payload":{"query":"{hello}"}}`}, code: 4400, reason: "the 'id' of 'subscribe' is longer than 128 bytes"},
			"subscribe without query":   {acked: true, send: []string{`{"id":"1","type":"subscribe","payload":{}}`}, code: 4400, reason: "the 'query' of 'subscribe' is missing"},
			"subscribe before init":     {send: []string{subscribeTicks}, code: 4401, reason: "Unauthorized"},
			"the same id twice":         {acked: true, send: []string{subscribeTicks, subscribeTicks}, code: 4409, reason: "Subscriber for 1 already exists"},
			"the id of a running query": {acked: true, send: []string{`{"id":"1","type":"subscribe","payload":{"query":"{hang}"}}`, subscribeTicks}, code: 4409, reason: "Subscriber for 1 already exists"},
			"init after the ack":        {acked: true, send: []string{initAnn}, code: 4429, reason: "Too many initialisation requests"},
		} {
			t.Run(name, func(t *testing.T) {
				c := w.connect(nil)
				if test.acked {
					c = w.signedIn("ann")
				}
				for _, text := range test.send {
					c.send(text)
				}
				c.expectClose(test.code, test.reason)
			})
		}
	})

	t.Run("refuses a second connection_init", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.connect(nil)
		c.send(initAnn)
		c.send(initAnn)
		c.expect(`{"type":"connection_ack"}`)
		c.expectClose(4429, "Too many initialisation requests")
	})

	t.Run("cuts a long reason to the size of a close frame", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.connect(nil)
		c.send(`{"type":"x` + strings.Repeat("é", 200) + `"}`)
		c.expectClose(4400, "'x"+strings.Repeat("é", 60)) // 122 bytes: one of 123 is no whole character
	})

	t.Run("refuses unknown sub-protocols", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		for _, offered := range [][]string{nil, {"mqtt"}} {
			d := websocket.Dialer{Subprotocols: offered}
			conn, _, err := d.Dial(w.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			c := &client{t, conn}
			c.expectClose(4406, "Subprotocol not acceptable")
			_ = conn.Close()
		}
	})

	t.Run("finds its sub-protocol among others", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		d := websocket.Dialer{Subprotocols: []string{"mqtt", "graphql-transport-ws", "graphql-ws"}}
		conn, _, err := d.Dial(w.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := conn.Subprotocol(); got != "graphql-transport-ws" {
			t.Fatalf("agreed on %q", got)
		}
	})

	t.Run("closes when no connection_init comes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.InitTimeout = 50 * time.Millisecond })
		w.connect(nil).expectClose(4408, "Connection initialisation timeout")
	})

	t.Run("stays open after connection_init", func(t *testing.T) {
		t.Parallel()
		inTime(t, 500*time.Millisecond, func(deadline time.Duration) bool {
			asked := make(chan struct{}, 10_000)
			w := newWorld(t, func(o *live.Options) {
				o.InitTimeout, o.CheckInterval = deadline, 20*time.Millisecond
				o.Ended = func(context.Context, []string) ([]string, []string, error) { asked <- struct{}{}; return nil, nil, nil }
			})
			c := w.connect(nil)
			c.send(initAnn)
			text, err := c.read()
			if websocket.IsCloseError(err, 4408) {
				return false
			}
			if err != nil || string(text) != `{"type":"connection_ack"}` {
				t.Fatalf("got %s (%v)", text, err)
			}
			for start := time.Now(); time.Since(start) < deadline+deadline/5; {
				receive(t, asked, "time to pass")
			}
			c.expectPong()
			return true
		})
	})

	t.Run("closes when the sign-in takes too long", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) {
			o.InitTimeout = 50 * time.Millisecond
			o.SignIn = func(ctx context.Context, _, _ string) (live.Session, error) {
				<-ctx.Done()
				return live.Session{}, ctx.Err()
			}
		})
		c := w.connect(nil)
		c.send(initAnn)
		c.expectClose(4408, "Connection initialisation timeout")
	})

	t.Run("begins nothing while it closes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.send(`?`)
		c.subscribe("1", `{hello}`)
		c.expectClose(4400, "the message is not a JSON object")
		w.log.closed(t)
		if len(w.started) > 0 {
			t.Fatalf("%s began", <-w.started)
		}
	})

	t.Run("answers pings with their payload at any time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.connect(nil)
		c.send(`{"type":"ping"}`) // before connection_init too
		c.expect(`{"type":"pong"}`)
		c.send(`{"type":"ping","payload":{"at":1.50}}`)
		c.expect(`{"type":"pong","payload":{"at":1.50}}`)
		c.send(`{"type":"pong","payload":{"unasked":true}}`)
		c.send(initAnn)
		c.expect(`{"type":"connection_ack"}`)
		c.expectPong()

		got := make(chan string, 1)
		c.conn.SetPongHandler(func(data string) error { got <- data; return nil })
		if err := c.conn.WriteControl(websocket.PingMessage, []byte("frame"), time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		c.expectPong() // reads past the pong frame
		if data := receive(t, got, "a pong frame"); data != "frame" {
			t.Fatalf("pong carries %q", data)
		}
	})

	t.Run("ignores complete of an unknown id", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.send(`{"id":"never seen","type":"complete"}`)
		c.expectPong()
	})

	t.Run("closes alone after a panic during sign-in", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) {
			o.SignIn = func(ctx context.Context, _, bearer string) (live.Session, error) {
				if bearer == "ann" {
					panic("no ann")
				}
				return signIn(ctx, "", bearer)
			}
		})
		bob := w.signedIn("bob")
		c := w.connect(nil)
		c.send(initAnn)
		c.expectClose(4500, "Internal server error")
		bob.expectPong()
	})

	t.Run("outlives its request", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		cancelled := make(chan context.CancelFunc, 1)
		inner := w.handler
		w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			inner.ServeHTTP(unwrapOnly{rw}, r.WithContext(ctx))
			cancelled <- cancel
		}))
		c := w.signedIn("ann")
		receive(t, cancelled, "the handler to return, while the socket is open")()
		c.subscribe("1", `{viewer}`)
		c.expect(`{"id":"1","type":"next","payload":{"data":{"viewer":"ann"}}}`)
	})
}

// unwrapOnly is a writer like that of many middlewares: it hides http.Hijacker but can be unwrapped.
type unwrapOnly struct{ w http.ResponseWriter }

func (u unwrapOnly) Header() http.Header         { return u.w.Header() }
func (u unwrapOnly) Write(b []byte) (int, error) { return u.w.Write(b) }
func (u unwrapOnly) WriteHeader(code int)        { u.w.WriteHeader(code) }
func (u unwrapOnly) Unwrap() http.ResponseWriter { return u.w }
