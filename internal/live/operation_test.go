package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/live"
)

func TestOperation(t *testing.T) {
	t.Parallel()
	t.Run("pushes a subscription's results and completes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.subscribe("a", `subscription{count(to:3)}`)
		for n := 1; n <= 3; n++ {
			c.expect(fmt.Sprintf(`{"id":"a","type":"next","payload":{"data":{"count":%d}}}`, n))
		}
		c.expect(`{"id":"a","type":"complete"}`)
		c.expectPong()
	})

	t.Run("interleaves with others on its socket", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.subscribe("1", `subscription{ticks(topic:"a")}`)
		c.subscribe("2", `subscription{ticks(topic:"b")}`)
		for n := 1; n <= 6; n++ {
			id, topic := "1", "a"
			if n%2 == 0 {
				id, topic = "2", "b"
			}
			w.tick(topic, n)
			c.expect(fmt.Sprintf(`{"id":"%s","type":"next","payload":{"data":{"ticks":%d}}}`, id, n))
		}
	})

	t.Run("has one result as a query", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.send(`{"id":"q","type":"subscribe","payload":{
		"query":"query A{hello(name:\"not me\")} query B($n:String){hello(name:$n)}",
		"operationName":"B","variables":{"n":"Ann"},"extensions":{}}}`)
		c.expect(`{"id":"q","type":"next","payload":{"data":{"hello":"Ann"}}}`)
		c.expect(`{"id":"q","type":"complete"}`)
		c.expectPong()
	})

	t.Run("shows its executor unchanged headers, times and numbers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.connect(http.Header{"Authorization": {"Bearer ann"}, "X-Request-Id": {"r7"}})
		c.send(initWith(""))
		c.expect(`{"type":"connection_ack"}`)
		c.send(`{"id":"1","type":"subscribe","payload":{
		"query":"subscription($n:Int!){count(to:$n)}","variables":{"n":0},"extensions":{"k":9007199254740993}}}`)
		c.expect(`{"id":"1","type":"complete"}`)
		oc := receive(t, w.seen, "the operation")
		if got := oc.Headers.Get("X-Request-Id"); got != "r7" {
			t.Errorf("header %q", got)
		}
		if got := fmt.Sprint(oc.Extensions["k"]); got != "9007199254740993" {
			t.Errorf("extension %s", got)
		}
		s := oc.Stats
		if s.Read.Start.IsZero() || s.Read.End.Before(s.Read.Start) || s.OperationStart.Before(s.Read.Start) {
			t.Errorf("read %v to %v, operation from %v", s.Read.Start, s.Read.End, s.OperationStart)
		}
	})

	t.Run("ends with an error message alone when it is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		for name, test := range map[string]struct{ payload, errors string }{
			"syntax": {
				`{"query":"{"}`,
				`{"message":"Expected Name, found \u003cEOF\u003e","locations":[{"line":1,"column":2}],"extensions":{"code":"GRAPHQL_PARSE_FAILED"}}`,
			},
			"validation": {
				`{"query":"{nope}"}`,
				`{"message":"Cannot query field \"nope\" on type \"Query\".","locations":[{"line":1,"column":2}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}`,
			},
			"no such operation": {
				`{"query":"query A{hello}","operationName":"B"}`,
				`{"message":"operation B not found","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}`,
			},
			"variables": {
				`{"query":"subscription($n:Int!){count(to:$n)}","variables":{"n":"x"}}`,
				`{"message":"cannot use string as Int","path":["variable","n"],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}`,
			},
			"resolver": {
				`{"query":"subscription{refused}"}`,
				`{"message":"not for you"}`,
			},
		} {
			t.Run(name, func(t *testing.T) {
				c.send(`{"id":"x","type":"subscribe","payload":` + test.payload + `}`)
				c.expect(`{"id":"x","type":"error","payload":[` + test.errors + `]}`)
				c.expectPong() // and no complete follows
			})
		}
	})

	t.Run("ends with an error instead of complete when it fails", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.subscribe("1", `subscription{failing}`)
		c.expect(`{"id":"1","type":"next","payload":{"data":{"failing":1}}}`)
		c.expect(`{"id":"1","type":"error","payload":[{"message":"the feed is gone"}]}`)
		c.expectPong()
		live.Fail(t.Context(), errors.New("nobody listens")) // outside a subscription: nothing
	})

	t.Run("takes errors beside data for a result", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.subscribe("1", `{half}`)
		c.expect(`{"id":"1","type":"next","payload":{"errors":[{"message":"the other half is missing"}],"data":{"half":null}}}`)
		c.expect(`{"id":"1","type":"complete"}`)
	})

	t.Run("ends alone after a panic", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.subscribe("1", `subscription{ticks(topic:"a")}`)
		c.subscribe("2", `{boom}`)
		c.expect(`{"id":"2","type":"error","payload":[{"message":"recovered: boom"}]}`)
		w.tick("a", 1)
		c.expect(`{"id":"1","type":"next","payload":{"data":{"ticks":1}}}`)
	})

	t.Run("ends alone after a panic while it is prepared", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) {
			o.SignIn = func(context.Context, string, string) (live.Session, error) {
				return live.Session{Context: func(context.Context) context.Context { panic("no viewer") }}, nil
			}
		})
		c := w.signedIn("any")
		c.subscribe("1", `{hello}`)
		c.expect(`{"id":"1","type":"error","payload":[{"message":"internal system error"}]}`)
		c.expectPong()
	})

	t.Run("ends when the client completes it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		c.subscribe("1", `subscription{ticks(topic:"a")}`)
		c.subscribe("2", `{hang}`)
		receive(t, w.started, "one to begin")
		receive(t, w.started, "the other to begin")
		c.send(`{"id":"1","type":"complete"}`)
		c.send(`{"id":"2","type":"complete"}`)
		got := receive(t, w.ended, "one to end") + receive(t, w.ended, "the other to end")
		if got != "ahang" && got != "hanga" {
			t.Fatalf("%s ended", got)
		}
		c.expectPong() // and no message of theirs comes before
	})

	t.Run("frees its id when either side completes it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.signedIn("ann")
		for range 20 {
			c.subscribe("1", `{hello}`)
			c.expect(`{"id":"1","type":"next","payload":{"data":{"hello":"world"}}}`)
			c.expect(`{"id":"1","type":"complete"}`)
			c.subscribe("1", `{nope}`)
			if text, err := c.read(); err != nil || !strings.HasPrefix(string(text), `{"id":"1","type":"error"`) {
				t.Fatal(string(text), err)
			}
			c.subscribe("1", `subscription{ticks(topic:"old")}`)
			c.send(`{"id":"1","type":"complete"}`)
			c.subscribe("1", `subscription{ticks(topic:"new")}`)
			w.tick("new", 7)
			c.expect(`{"id":"1","type":"next","payload":{"data":{"ticks":7}}}`)
			c.send(`{"id":"1","type":"complete"}`)
		}
	})

	t.Run("is refused beyond the limit until another completes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.MaxSubscriptionsPerSocket = 2 })
		c := w.signedIn("ann")
		c.subscribe("1", `subscription{ticks(topic:"a")}`)
		c.subscribe("2", `subscription{ticks(topic:"b")}`)
		c.subscribe("3", `{hello}`)
		c.expect(`{"id":"3","type":"error","payload":[{"message":"A socket may run at most 2 operations at a time: complete one of them first.","extensions":{"code":"TOO_MANY_SUBSCRIPTIONS"}}]}`)
		c.send(`{"id":"1","type":"complete"}`)
		c.subscribe("3", `{hello}`)
		c.expect(`{"id":"3","type":"next","payload":{"data":{"hello":"world"}}}`)
		c.expect(`{"id":"3","type":"complete"}`)
	})

	t.Run("counts until it ends, even if the client completed it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.MaxSubscriptionsPerSocket = 2 })
		c := w.signedIn("ann")
		for range 4 { // each is completed, and none of them ends
			c.subscribe("1", `{stubborn}`)
			receive(t, w.started, "the query")
			c.send(`{"id":"1","type":"complete"}`)
		}
		c.subscribe("2", `{hello}`)
		if text, err := c.read(); err != nil || !strings.Contains(string(text), "TOO_MANY_SUBSCRIPTIONS") {
			t.Fatal(string(text), err)
		}
		close(w.free)
	})
}
