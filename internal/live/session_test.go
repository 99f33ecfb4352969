package live_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/live"
	"github.com/gorilla/websocket"
)

func TestSession(t *testing.T) {
	t.Parallel()
	t.Run("begins with a token in the payload or the header", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		for name, test := range map[string]struct{ header, payload, want string }{
			"header":                       {header: "Bearer ann", payload: "", want: "ann"},
			"header, scheme in lower case": {header: "bearer ann", payload: "", want: "ann"},
			"header, null payload":         {header: "Bearer ann", payload: `null`, want: "ann"},
			"header, empty payload":        {header: "Bearer ann", payload: `{"Authorization":""}`, want: "ann"},
			"Authorization":                {payload: `{"Authorization":"Bearer ann"}`, want: "ann"},
			"authorization":                {payload: `{"authorization":"Bearer ann"}`, want: "ann"},
			"AUTHORIZATION":                {payload: `{"AUTHORIZATION": "Bearer ann"}`, want: "ann"},
			"token":                        {payload: `{"token":"ann"}`, want: "ann"},
			"payload over header":          {header: "Bearer ann", payload: `{"token":"bob"}`, want: "bob"},
		} {
			t.Run(name, func(t *testing.T) {
				c := w.connect(authorization(test.header))
				c.send(initWith(test.payload))
				c.expect(`{"type":"connection_ack"}`)
				c.subscribe("1", `{viewer}`)
				c.expect(`{"id":"1","type":"next","payload":{"data":{"viewer":"` + test.want + `"}}}`)
			})
		}
	})

	t.Run("needs a valid token", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		for name, test := range map[string]struct{ header, payload string }{
			"none":                          {},
			"wrong in the header":           {header: "Bearer eve"},
			"wrong in the payload":          {payload: `{"token":"eve"}`},
			"another scheme":                {header: "Basic ann"},
			"no scheme":                     {payload: `{"Authorization":"ann"}`},
			"scheme alone":                  {payload: `{"Authorization":"Bearer "}`},
			"not a string":                  {payload: `{"token":7}`},
			"wrong payload, good header":    {header: "Bearer ann", payload: `{"token":"eve"}`},
			"unusable payload, good header": {header: "Bearer ann", payload: `{"Authorization":["Bearer ann"]}`},
		} {
			t.Run(name, func(t *testing.T) {
				c := w.connect(authorization(test.header))
				c.send(initWith(test.payload))
				c.expectClose(4403, "Forbidden")
			})
		}
	})

	t.Run("ends when it is revoked, and others continue", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		var revoked []string
		w := newWorld(t, func(o *live.Options) {
			o.CheckInterval = 10 * time.Millisecond
			o.Ended = func(context.Context, []string) (ended, changed []string, err error) {
				mu.Lock()
				defer mu.Unlock()
				return revoked, nil, nil
			}
		})
		ann, again, bob := w.signedIn("ann"), w.signedIn("ann"), w.signedIn("bob")
		ann.subscribe("1", `subscription{ticks(topic:"a")}`)
		bob.subscribe("1", `subscription{ticks(topic:"b")}`)
		w.tick("a", 1)
		ann.expect(`{"id":"1","type":"next","payload":{"data":{"ticks":1}}}`)

		mu.Lock()
		revoked = []string{"ann"}
		mu.Unlock()
		ann.expectClose(4403, "Forbidden")
		again.expectClose(4403, "Forbidden")
		if topic := receive(t, w.ended, "the subscription to end"); topic != "a" {
			t.Fatalf("%s ended", topic)
		}
		w.tick("b", 2)
		bob.expect(`{"id":"1","type":"next","payload":{"data":{"ticks":2}}}`)
	})

	t.Run("is checked together with all others, each key once", func(t *testing.T) {
		t.Parallel()
		asked := make(chan []string, 1000)
		w := newWorld(t, func(o *live.Options) {
			o.CheckInterval = 10 * time.Millisecond
			o.Ended = func(_ context.Context, keys []string) (ended, changed []string, err error) {
				asked <- keys
				return nil, nil, nil
			}
		})
		w.connect(nil) // not signed in: Ended is not called for it
		w.signedIn("ann")
		second := w.signedIn("ann")
		w.signedIn("bob")
		for { // questions from before the last one signed in name fewer
			keys := slices.Sorted(slices.Values(receive(t, asked, "a question")))
			if slices.Equal(keys, []string{"ann", "bob"}) {
				break
			}
			if len(keys) > 1 {
				t.Fatalf("asked about %v", keys)
			}
		}
		// One of two sockets of a key leaves: the key stays.
		_ = second.conn.Close()
		w.log.closed(t)
		for range 3 {
			keys := slices.Sorted(slices.Values(receive(t, asked, "a question")))
			if !slices.Equal(keys, []string{"ann", "bob"}) {
				t.Fatalf("asked about %v", keys)
			}
		}
	})

	t.Run("continues while the check fails", func(t *testing.T) {
		t.Parallel()
		asked := make(chan int, 10_000)
		n := 0
		var over atomic.Bool
		w := newWorld(t, func(o *live.Options) {
			o.CheckInterval = 10 * time.Millisecond
			o.Ended = func(_ context.Context, keys []string) (ended, changed []string, err error) {
				n++
				asked <- n
				switch {
				case n < 3:
					return keys, nil, errors.New("the database is away")
				case n < 5:
					panic("so is its driver")
				case !over.Load():
					return nil, nil, nil
				}
				return keys, nil, nil
			}
		})
		c := w.signedIn("ann")
		for receive(t, asked, "a question") < 6 {
		}
		c.expectPong()
		over.Store(true)
		c.expectClose(4403, "Forbidden")
	})

	t.Run("ends when it expires", func(t *testing.T) {
		t.Parallel()
		inTime(t, 100*time.Millisecond, func(lifetime time.Duration) bool {
			w := newWorld(t, func(o *live.Options) {
				o.SignIn = func(context.Context, string, string) (live.Session, error) {
					return live.Session{Expires: time.Now().Add(lifetime)}, nil
				}
			})
			c := w.connect(nil)
			c.send(initAnn)
			if _, err := c.read(); websocket.IsCloseError(err, 4403) {
				return false // the session had expired before it was acknowledged
			}
			c.subscribe("1", `{hang}`)
			c.expectClose(4403, "Forbidden")
			w.log.closed(t)
			if len(w.started) == 0 {
				return false // the session had expired before the query came
			}
			receive(t, w.ended, "the query to end")
			return true
		})
	})

	t.Run("is refused when it expired before", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) {
			o.SignIn = func(context.Context, string, string) (live.Session, error) {
				return live.Session{Expires: time.Now().Add(-time.Second)}, nil
			}
		})
		c := w.connect(nil)
		c.send(initAnn)
		c.expectClose(4403, "Forbidden")
	})

	t.Run("needs a SignIn function", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.SignIn = nil })
		c := w.connect(nil)
		c.send(initAnn)
		c.expectClose(4403, "Forbidden")
	})
}

func authorization(value string) http.Header {
	if value == "" {
		return nil
	}
	return http.Header{"Authorization": {value}}
}

func initWith(payload string) string {
	if payload == "" {
		return `{"type":"connection_init"}`
	}
	return `{"type":"connection_init","payload":` + payload + `}`
}
