package live_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/internal/live"
)

// follow subscribes to the feed, from a cursor or from now on.
func (c *client) follow(id, after string) {
	c.t.Helper()
	variables := `{}`
	if after != "" {
		variables = `{"after":"` + after + `"}`
	}
	c.send(`{"id":"` + id + `","type":"subscribe","payload":{"query":"subscription($after:String){feed(after:$after)}","variables":` + variables + `}}`)
}

func (c *client) expectFed(id string, texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		c.expect(`{"id":"` + id + `","type":"next","payload":{"data":{"feed":"` + text + `"}}}`)
	}
}

func numbers(from, to int) (texts []string) {
	for n := from; n <= to; n++ {
		texts = append(texts, fmt.Sprint(n))
	}
	return texts
}

// until waits for a condition that has no signal.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !holds(); runtime.Gosched() {
		if time.Now().After(end) {
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// opens waits until n readers of the feed were opened, because n subscriptions have begun.
func (w *world) opens(n int32) {
	w.t.Helper()
	w.until(fmt.Sprint(n, " readers of the feed"), func() bool { return w.opened.Load() >= n })
}

// groups waits until n groups wait for the feed. A group waits once it has a member and nothing to publish.
func (w *world) groups(n int32) {
	w.t.Helper()
	w.until(fmt.Sprint(n, " groups"), func() bool { return w.feed.waiting.Load() >= n })
}

func TestGroup(t *testing.T) {
	t.Parallel()
	t.Run("executes equal subscriptions once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		clients := []*client{w.signedIn("ann"), w.signedIn("bob"), w.signedIn("ann")}
		for i, c := range clients {
			c.follow(fmt.Sprint("id of ", i), "")
			w.opens(int32(i + 1))
			w.groups(1)
		}
		for n := 1; n <= 5; n++ {
			w.feed.publish(fmt.Sprint(n))
			for i, c := range clients {
				c.expectFed(fmt.Sprint("id of ", i), fmt.Sprint(n))
			}
		}
		if n := w.executed.Load(); n != 5 {
			t.Errorf("5 events for 3 subscribers were executed %d times", n)
		}
		// A subscriber that reconnects a moment later gets the recent messages without another execution.
		back := w.signedIn("bob")
		back.follow("back", "p2")
		back.expectFed("back", "3", "4", "5")
		w.feed.publish("6")
		back.expectFed("back", "6")
		if n := w.executed.Load(); n != 6 {
			t.Errorf("6 events were executed %d times", n)
		}
		for i, c := range clients {
			c.expectFed(fmt.Sprint("id of ", i), "6")
		}
	})

	t.Run("keeps different subscriptions apart", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) {
			o.SignIn = func(ctx context.Context, _, bearer string) (live.Session, error) {
				s, err := signIn(ctx, "", strings.TrimSuffix(bearer, " as another"))
				s.View = fmt.Sprint(strings.HasSuffix(bearer, " as another"))
				return s, err
			}
		})
		const document = `"query":"subscription A($after:String,$also:String,$mine:Boolean){feed(after:$after,also:$also,mine:$mine)} subscription B{feed}"`
		for name, test := range map[string]struct {
			bearer, payload, want string
		}{
			"the first":           {"ann", document + `,"operationName":"A"`, "x"},
			"the same":            {"bob", document + `,"operationName":"A","variables":{"after":null}`, "x"},
			"another view":        {"bob as another", document + `,"operationName":"A"`, "x"},
			"another variable":    {"ann", document + `,"operationName":"A","variables":{"also":"y"}`, "x"},
			"another operation":   {"ann", document + `,"operationName":"B"`, "x"},
			"another document":    {"ann", `"query":"subscription{feed}"`, "x"},
			"what is ann's":       {"ann", document + `,"operationName":"A","variables":{"mine":true}`, "ann x"},
			"what is bob's":       {"bob", document + `,"operationName":"A","variables":{"mine":true}`, "bob x"},
			"what is bob's again": {"bob", document + `,"operationName":"A","variables":{"mine":true}`, "bob x"},
		} {
			before := w.opened.Load()
			c := w.signedIn(test.bearer)
			c.send(`{"id":"1","type":"subscribe","payload":{` + test.payload + `}}`)
			w.opens(before + 1)
			// It has begun a group, or has joined one, which ends its own execution.
			w.until("its group", func() bool { return w.feed.waiting.Load()+int32(len(w.ended)) >= before+1 })
			t.Cleanup(func() {
				text, err := c.read()
				if want := `{"id":"1","type":"next","payload":{"data":{"feed":"` + test.want + `"}}}`; err != nil || string(text) != want {
					t.Errorf("%s: got %s (%v), want %s", name, text, err, want)
				}
			})
		}
		w.feed.publish("x")
		w.until("7 executions", func() bool { return w.executed.Load() >= 7 })
		if n := w.executed.Load(); n != 7 {
			t.Errorf("7 groups executed %d times", n)
		}
	})

	t.Run("is joined from far back without gap or repetition", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		first := w.signedIn("ann")
		first.follow("1", "")
		w.opens(1)
		w.feed.publish(numbers(1, 300)...)
		first.expectFed("1", numbers(1, 300)...)
		published := make(chan struct{})
		go func() { // while they catch up
			defer close(published)
			for n := 301; n <= 400; n++ {
				w.feed.publish(fmt.Sprint(n))
			}
		}()
		var late []*client
		for i := range 5 {
			c := w.signedIn("bob")
			c.follow("late", fmt.Sprint("p", 50*i))
			late = append(late, c)
		}
		for i, c := range late {
			c.expectFed("late", numbers(50*i+1, 400)...)
		}
		<-published
		first.expectFed("1", numbers(301, 400)...)
		before := w.executed.Load()
		w.feed.publish("401")
		for _, c := range late {
			c.expectFed("late", "401")
		}
		first.expectFed("1", "401")
		if n := w.executed.Load() - before; n != 1 {
			t.Errorf("after they have caught up, an event is executed %d times", n)
		}
	})

	t.Run("does not repeat erased values", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		first := w.signedIn("ann")
		first.follow("1", "")
		w.opens(1)
		w.feed.publish("a name", "a street")
		first.expectFed("1", "a name", "a street")
		w.feed.erase()
		late := w.signedIn("bob")
		late.follow("2", "p0")
		late.expectFed("2", "erased", "erased")
		w.feed.publish("news")
		first.expectFed("1", "news")
		late.expectFed("2", "news")
	})

	t.Run("ends for each member", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		ann, bob := w.signedIn("ann"), w.signedIn("bob")
		ann.follow("1", "")
		bob.follow("2", "")
		w.opens(2)
		w.feed.publish("1")
		ann.expectFed("1", "1")
		bob.expectFed("2", "1")
		w.feed.fail(errors.New("the position is lost"))
		ann.expect(`{"id":"1","type":"error","payload":[{"message":"the position is lost"}]}`)
		bob.expect(`{"id":"2","type":"error","payload":[{"message":"the position is lost"}]}`)
		// Its id is free, and what is subscribed from now on is another group.
		w.feed.fail(nil)
		ann.follow("1", "p1")
		w.feed.publish("2")
		ann.expectFed("1", "2")
		ann.follow("2", "nowhere")
		ann.expect(`{"id":"2","type":"error","payload":[{"message":"no such position"}]}`)
	})

	t.Run("ends with its last member, not with its first", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		ann, bob := w.signedIn("ann"), w.signedIn("bob")
		ann.follow("1", "")
		w.opens(1)
		w.feed.publish("1")
		ann.expectFed("1", "1") // it is the group's first
		bob.follow("1", "p1")
		w.opens(2)
		receive(t, w.ended, "bob's own run to end, as he has joined")
		_ = ann.conn.Close()
		w.log.closed(t)
		w.feed.publish("2")
		bob.expectFed("1", "2")
		bob.send(`{"id":"1","type":"complete"}`)
		receive(t, w.ended, "the group to end")
		bob.expectPong()
	})

	t.Run("lets a slow member read on by itself without a gap", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.WriteTimeout, o.PingInterval = time.Hour, time.Hour })
		quick, slow := w.signedIn("bob"), w.signedIn("ann")
		quick.follow("q", "")
		w.opens(1)
		slow.follow("s", "")
		w.opens(2)
		big := strings.Repeat("x", 100_000) // altogether more than the system's buffers hold
		for n := 1; n <= 200; n++ {
			w.feed.publish(fmt.Sprint(n, " ", big))
			quick.expectFed("q", fmt.Sprint(n, " ", big))
		}
		for n := 1; n <= 200; n++ {
			slow.expectFed("s", fmt.Sprint(n, " ", big))
		}
		w.opens(3) // it had fallen behind, and begun again from its position
		before := w.executed.Load()
		w.feed.publish("the end")
		quick.expectFed("q", "the end")
		slow.expectFed("s", "the end")
		if n := w.executed.Load() - before; n != 1 {
			t.Errorf("it has caught up, and an event is executed %d times", n)
		}
	})
}

// small connects a client with a small receive buffer, so that little is on its way when it does not read.
func (w *world) small() *client {
	w.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, NetDial: func(network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(4096)
		}
		return conn, err
	}}
	conn, _, err := d.Dial(w.url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	c := &client{w.t, conn}
	c.send(initAnn)
	c.expect(`{"type":"connection_ack"}`)
	return c
}

// It runs while no other test does, because it looks at the memory.
func TestGroupIsNotHeldUpByOneOfAThousandSocketsThatNeverReads(t *testing.T) {
	w := newWorld(t, func(o *live.Options) { o.WriteTimeout, o.PingInterval = time.Hour, time.Hour })
	const others = 999
	stuck := w.small()
	stuck.follow("1", "")
	clients := make([]*client, others)
	for i := range clients {
		clients[i] = w.signedIn("bob")
		clients[i].follow("1", "")
	}
	w.opens(others + 1)
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := memory()
	const events, size = 60, 8000 // more for each socket than the stuck one's buffers and queue hold
	go func() {
		for n := range events {
			w.feed.publish(fmt.Sprint(n, " ", strings.Repeat("x", size)))
		}
	}()
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			for n := range events {
				text, err := c.read()
				if want := fmt.Sprintf(`{"id":"1","type":"next","payload":{"data":{"feed":"%d x`, n); err != nil || !strings.HasPrefix(string(text), want) {
					t.Errorf("got %.60s (%v), want %s", text, err, want)
					return
				}
			}
		})
	}
	all.Wait()
	if grown := int64(memory()) - int64(before); grown > 16<<20 {
		t.Errorf("memory has grown by %d bytes", grown)
	}
	for n := range events { // it has missed nothing, and goes on
		stuck.expectFed("1", fmt.Sprint(n, " ", strings.Repeat("x", size)))
	}
}
