package live_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/closeloop/closeloop/internal/live"
)

// oneAtATime lets one subscription that is behind be executed at a time.
func oneAtATime(o *live.Options) { o.MaxCatchingUp = 1 }

// close lets nobody who is behind read the feed without a value of the gate.
func (f *feed) close() { f.gate = make(chan struct{}) }

// followAs subscribes as subscribers of the same name do, from a cursor on.
func (c *client) followAs(name, after string) {
	c.t.Helper()
	c.send(`{"id":"1","type":"subscribe","payload":{"query":"subscription($after:String,$also:String){feed(after:$after,also:$also)}","variables":{"after":"` + after + `","also":"` + name + `"}}}`)
}

// behind waits until so many operations are behind, and so many excerpts wait for their turn.
func (w *world) behind(operations, excerpts int) {
	w.t.Helper()
	w.until(fmt.Sprint(operations, " operations behind, ", excerpts, " excerpts in the queue"), func() bool {
		behind, queued, _ := w.live.CatchingUp()
		return behind == operations && queued == excerpts
	})
}

func TestCatchUp(t *testing.T) {
	t.Parallel()
	t.Run("executes equal subscriptions once, wherever they are", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, oneAtATime)
		w.feed.close()
		w.feed.publish(numbers(1, 300)...)
		starts := []int{47, 0, 12, 0, 299, 150, 155, 3, 0, 47}
		distinct := len(slices.Compact(slices.Sorted(slices.Values(starts))))
		var clients []*client
		for i, start := range starts {
			c := w.signedIn("bob")
			c.followAs("x", fmt.Sprint("p", start))
			clients = append(clients, c)
			w.until("it is behind", func() bool { behind, _, _ := w.live.CatchingUp(); return behind == i+1 })
		}
		w.behind(len(starts), distinct-1)
		close(w.feed.gate)
		for i, c := range clients {
			c.expectFed("1", numbers(starts[i]+1, 300)...)
		}
		if n := w.executed.Load(); n != 300 {
			t.Errorf("300 events for %d subscribers that were behind were executed %d times", len(starts), n)
		}
		w.feed.publish("301")
		for _, c := range clients {
			c.expectFed("1", "301")
		}
		if n := w.executed.Load(); n != 301 {
			t.Errorf("301 events were executed %d times", n)
		}
		w.behind(0, 0)
		if _, _, kept := w.live.CatchingUp(); kept != 0 {
			t.Errorf("nobody is behind, and %d excerpts are kept", kept)
		}
	})

	t.Run("serves who waits in turn", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, oneAtATime)
		w.feed.close()
		w.feed.publish(numbers(1, 30)...)
		names := []string{"a", "b", "c"}
		clients := map[string]*client{}
		for i, name := range names {
			clients[name] = w.signedIn("bob")
			clients[name].followAs(name, "p0")
			w.behind(i+1, i)
		}
		for page := range 3 {
			for _, name := range names {
				if got := receive(t, w.feed.reads, "somebody to read"); got != name {
					t.Fatalf("%s reads page %d when it is the turn of %s", got, page+1, name)
				}
				w.until("the others to wait", func() bool { behind, queued, _ := w.live.CatchingUp(); return queued == behind-1 })
				w.feed.gate <- struct{}{}
				clients[name].expectFed("1", numbers(10*page+1, 10*page+10)...)
			}
		}
	})

	t.Run("drops the work of a socket that has gone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, oneAtATime)
		w.feed.close()
		w.feed.publish(numbers(1, 10)...)
		reads, queued, last := w.signedIn("bob"), w.signedIn("bob"), w.signedIn("bob")
		for i, c := range []*client{reads, queued, last} {
			c.followAs(fmt.Sprint(i), "p0")
			w.behind(i+1, i)
		}
		if name := receive(t, w.feed.reads, "the first to read"); name != "0" {
			t.Fatalf("%s reads first", name)
		}
		_ = queued.conn.Close()
		w.behind(2, 1)
		_ = reads.conn.Close()
		if name := receive(t, w.feed.reads, "the last to read"); name != "2" {
			t.Fatalf("%s reads after those who left", name)
		}
		close(w.feed.gate)
		last.expectFed("1", numbers(1, 10)...)
		if n := w.executed.Load(); n != 10 {
			t.Errorf("10 events for one subscriber that stayed were executed %d times", n)
		}
	})

	t.Run("keeps the place in the queue for those who stay", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, oneAtATime)
		w.feed.close()
		w.feed.publish(numbers(1, 10)...)
		first, equal, other := w.signedIn("ann"), w.signedIn("bob"), w.signedIn("bob")
		first.followAs("x", "p0")
		receive(t, w.feed.reads, "the first to read")
		equal.followAs("x", "p0")
		w.until("its equal to wait", func() bool { return w.live.WaitingFor() == 2 })
		other.followAs("y", "p0")
		w.behind(3, 1)
		_ = first.conn.Close()
		if name := receive(t, w.feed.reads, "its equal to read"); name != "x" {
			t.Fatalf("%s reads in its place", name)
		}
		close(w.feed.gate)
		equal.expectFed("1", numbers(1, 10)...)
		other.expectFed("1", numbers(1, 10)...)
	})

	t.Run("leaves nothing out when somebody further on takes the place of who left", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.MaxCatchingUp = 2 })
		w.feed.close()
		w.feed.free = "x"
		w.feed.publish(append([]string{"stuck"}, numbers(2, 10)...)...)
		holds := w.signedIn("ann") // as long as it is behind, what others got is kept
		holds.followAs("holds", "p0")
		receive(t, w.feed.reads, "it to read")
		first, further := w.signedIn("bob"), w.signedIn("bob")
		first.followAs("x", "p0")
		w.until("the first to be stuck", func() bool { return w.executed.Load() == 1 })
		further.followAs("x", "p1")
		w.until("the other to wait", func() bool { return w.live.WaitingFor() == 3 }) // all three
		_ = first.conn.Close()
		receive(t, w.ended, "the first to leave")
		close(w.free)
		further.expectFed("1", numbers(2, 10)...)
		late := w.signedIn("bob")
		late.followAs("x", "p0")
		late.expectFed("1", append([]string{"stuck"}, numbers(2, 10)...)...)
	})

	t.Run("shows nothing that must not be shown any more", func(t *testing.T) {
		t.Parallel()
		for name, remove := range map[string]func(*feed){
			"after an erasure":              (*feed).erase,
			"after it has left their scope": func(f *feed) { f.hide("5") },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(o *live.Options) { o.MaxCatchingUp = 2 })
				w.feed.close()
				w.feed.free = "x"
				w.feed.publish(numbers(1, 20)...)
				holds := w.signedIn("ann") // as long as it is behind, what others got is kept
				holds.followAs("holds", "p0")
				receive(t, w.feed.reads, "it to read")
				for range 2 { // the second gets what is kept
					c := w.signedIn("bob")
					c.followAs("x", "p0")
					c.expectFed("1", numbers(1, 20)...)
				}
				if n := w.executed.Load(); n != 20 {
					t.Fatalf("20 events were executed %d times", n)
				}
				remove(w.feed)
				late := w.signedIn("bob")
				late.followAs("x", "p0")
				want := numbers(1, 20)
				if name == "after an erasure" {
					want = slices.Repeat([]string{"erased"}, 20)
				} else {
					want = slices.Delete(want, 4, 5)
				}
				late.expectFed("1", want...)
			})
		}
	})

	t.Run("gets what was made when its turn is over", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, oneAtATime)
		w.feed.publish("1", "slow", "stuck", "4")
		c := w.signedIn("bob")
		c.followAs("x", "p0")
		c.expectFed("1", "1", "slow") // before the third is made, which takes for ever
		close(w.free)
		c.expectFed("1", "stuck", "4")
	})

	t.Run("keeps no answer with an error", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, oneAtATime)
		w.feed.close()
		w.feed.publish("1", "broken", "3")
		holds, first := w.signedIn("ann"), w.signedIn("bob")
		first.followAs("x", "p0")
		receive(t, w.feed.reads, "the first to read")
		holds.followAs("holds", "p0")
		w.behind(2, 1)
		w.feed.gate <- struct{}{}
		first.expectFed("1", "1")
		first.expect(`{"id":"1","type":"next","payload":{"errors":[{"message":"broken"}],"data":{"feed":"broken"}}}`)
		if name := receive(t, w.feed.reads, "the next to read"); name != "holds" {
			t.Fatalf("%s reads", name)
		}
		late := w.signedIn("bob")
		late.followAs("x", "p0")
		w.behind(3, 2)
		close(w.feed.gate)
		late.expectFed("1", "1")
		late.expect(`{"id":"1","type":"next","payload":{"errors":[{"message":"broken"}],"data":{"feed":"broken"}}}`)
		late.expectFed("1", "3")
		first.expectFed("1", "3")
	})
}
