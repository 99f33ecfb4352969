package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/live"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

// expectGoingAway reads up to the close frame of a server that ends, and returns when the client should reconnect.
func (c *client) expectGoingAway() (retry int) {
	c.t.Helper()
	_, err := c.read()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != 1001 {
		c.t.Fatalf("got %v, want close 1001", err)
	}
	if _, err := fmt.Sscanf(closed.Text, "Going away; retry after %d ms", &retry); err != nil || retry <= 0 {
		c.t.Fatalf("the reason is %q", closed.Text)
	}
	return retry
}

func TestServer(t *testing.T) {
	t.Parallel()
	t.Run("supports only upgrades and streams", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		plain, err := http.NewRequest(http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if w.live.Supports(plain) {
			t.Error("a plain request is supported")
		}
		plain.Header.Set("Accept", "application/json, text/event-stream")
		if w.live.Supports(plain) {
			t.Error("a request that takes JSON is supported")
		}
		plain.Header.Set("Accept", "text/event-stream")
		if !w.live.Supports(plain) {
			t.Error("a stream is not supported")
		}
		plain.Header.Del("Accept")
		plain.Header.Set("Connection", "keep-alive, Upgrade")
		plain.Header.Set("Upgrade", "websocket")
		if !w.live.Supports(plain) {
			t.Error("an upgrade is not supported")
		}
	})

	t.Run("accepts any origin", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		w.connect(http.Header{"Origin": {"https://elsewhere.example"}})
	})

	t.Run("refuses one socket too many until another ends", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.MaxSockets = 2 })
		first := w.connect(nil)
		w.connect(nil)
		if err := w.refused(); err != nil {
			t.Fatal(err)
		}
		_ = first.conn.Close()
		for deadline := time.Now().Add(patience); ; { // the server counts one socket less a moment after the socket has ended
			if err := w.refused(); err != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the socket stays counted")
			}
		}
	})

	t.Run("closes every socket with Going Away when it stops", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		ann, bob, eve := w.signedIn("ann"), w.signedIn("bob"), w.connect(nil)
		ann.subscribe("1", `subscription{ticks(topic:"a")}`)
		bob.subscribe("1", `{hang}`)
		receive(t, w.started, "one")
		receive(t, w.started, "the other")
		closed := make(chan error, 1)
		go func() { closed <- w.live.Close(context.Background()) }()
		for _, c := range []*client{ann, bob, eve} {
			c.expectGoingAway()
		}
		if err := receive(t, closed, "Close"); err != nil {
			t.Fatal(err)
		}
		receive(t, w.ended, "one to end")
		receive(t, w.ended, "the other to end")
		if err := w.refused(); err != nil {
			t.Errorf("after Close: %v", err)
		}
	})

	t.Run("waits for operations when it stops, but not longer than the context", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.subscribe("1", `{stubborn}`)
		receive(t, w.started, "the query")
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if err := w.live.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Close: %v", err)
		}
		c.expectGoingAway()
		close(w.free)
		if err := w.live.Close(context.Background()); err != nil {
			t.Fatalf("Close once more: %v", err)
		}
	})
}

// refused returns nil if the server refuses an upgrade with 503.
func (w *world) refused() error {
	conn, resp, err := websocket.DefaultDialer.Dial(w.url, nil)
	if err == nil {
		_ = conn.Close()
		return errors.New("connected")
	}
	if resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		return err
	}
	return nil
}

// follows waits until the subscription has begun.
func (w *world) follows(subscribe func()) {
	before := w.opened.Load()
	subscribe()
	w.opens(before + 1)
}

// It runs while no other test does, so that every goroutine it finds is its own.
func TestServerLeavesNoGoroutineBehind(t *testing.T) {
	options := func(o *live.Options) {
		o.CloseTimeout = 200 * time.Millisecond
		o.SignIn = func(ctx context.Context, _, bearer string) (live.Session, error) {
			if bearer == "slow" {
				<-ctx.Done()
			}
			s, err := signIn(ctx, "", bearer)
			s.Expires = time.Now().Add(time.Hour)
			return s, err
		}
	}
	w := newWorld(t, options)
	hasty := newWorld(t, func(o *live.Options) { options(o); o.InitTimeout = 200 * time.Millisecond })
	w.feed.publish(numbers(1, 100)...)
	before := goleak.IgnoreCurrent()
	drop := func(c *client) { _ = c.conn.Close() }
	leave := func(c *client) {
		_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(patience))
	}
	phases := map[string]func(){
		"dropped before init":      func() { drop(w.connect(nil)) },
		"left before init":         func() { leave(w.connect(nil)) },
		"silent":                   func() { hasty.connect(nil) },
		"dropped during sign-in":   func() { c := hasty.connect(nil); c.send(initWith(`{"token":"slow"}`)); drop(c) },
		"forbidden":                func() { w.connect(nil).send(initWith(`{"token":"eve"}`)) },
		"dropped after the ack":    func() { drop(w.signedIn("ann")) },
		"left after the ack":       func() { leave(w.signedIn("ann")) },
		"dropped while subscribed": func() { c := w.signedIn("ann"); c.subscribe("1", `{hang}`); drop(c) },
		"left while subscribed": func() {
			c := w.signedIn("ann")
			c.subscribe("1", `subscription{ticks(topic:"a")}`)
			receive(t, w.started, "the subscription")
			leave(c)
		},
		"left after complete": func() {
			c := w.signedIn("ann")
			c.subscribe("1", `{hang}`)
			c.send(`{"id":"1","type":"complete"}`)
			leave(c)
		},
		"invalid message while subscribed": func() { c := w.signedIn("ann"); c.subscribe("1", `{hang}`); c.send(`?`) },
		"dropped in the middle of a flood": func() {
			c := w.signedIn("ann")
			c.subscribe("1", `subscription{flood(bytes:100000)}`)
			receive(t, w.pulled, "the flood")
			drop(c)
		},
		"blocked": func() { c := w.thatDoesNotRead(); c.send(`?`) },
		"dropped as a member of a group": func() {
			c := w.signedIn("ann")
			w.follows(func() { c.follow("1", "") })
			drop(c)
		},
		"left as a member of a group": func() {
			c := w.signedIn("bob")
			w.follows(func() { c.follow("1", "") })
			leave(c)
		},
		"dropped while catching up": func() { c := w.signedIn("ann"); c.follow("1", "p0"); drop(c) },
		"left after a group's complete": func() {
			c := w.signedIn("ann")
			w.follows(func() { c.follow("1", "") })
			c.send(`{"id":"1","type":"complete"}`)
			leave(c)
		},
		"the older protocol, dropped before init": func() { drop(w.legacy()) },
		"the older protocol, terminated": func() {
			w.legacy(legacyInit, `{"id":"1","type":"start","payload":{"query":"subscription{feed}"}}`, `{"type":"connection_terminate"}`)
		},
		"a stream, dropped": func() {
			s := w.request("ann", "", `{"query":"subscription{feed}"}`, nil)
			_ = s.answer.Body.Close()
		},
		"a stream, complete": func() {
			s := w.request("ann", "", `{"query":"{hello}"}`, nil)
			s.next()
			s.expect(completed, "")
			_ = s.answer.Body.Close()
		},
	}
	for name, phase := range phases {
		rounds := 60 // more than 1,000 of them altogether
		if name == "blocked" || name == "dropped in the middle of a flood" {
			rounds = 3
		}
		for range rounds {
			phase()
		}
		log := w.log
		if name == "silent" || name == "dropped during sign-in" {
			log = hasty.log
		}
		for range rounds {
			log.closed(t)
		}
		for end := time.Now().Add(patience); ; { // Find itself gives up within seconds, which a busy machine needs
			err := goleak.Find(before)
			if err == nil {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}
