package live_test

import (
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/internal/live"
)

// begins sends the beginning of a message of so many bytes, and returns what would send the rest.
func (c *client) begins(bytes int) io.WriteCloser {
	c.t.Helper()
	w, err := c.conn.NextWriter(websocket.TextMessage)
	if err == nil {
		_, err = io.WriteString(w, strings.Repeat(" ", bytes))
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return w
}

func TestUnfinishedMessage(t *testing.T) {
	t.Parallel()
	t.Run("ends the socket when its time is over, although the peer is alive", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.ReadTimeout = 100 * time.Millisecond })
		c := w.signedIn("ann")
		c.begins(100_000)
		if text, err := c.read(); !websocket.IsCloseError(err, 1006) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("got %s, %v; want the connection to end", text, err)
		}
		c = w.signedIn("ann")
		c.expectPong()
		time.Sleep(200 * time.Millisecond) // the time is that of a message, not of the socket
		c.expectPong()
	})

	t.Run("is counted while it arrives, and cut when others need the memory", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		counted := map[int]func(){}
		w := newWorld(t, func(o *live.Options) {
			o.Hold = func(_ string, bytes int, cut func()) func() {
				mu.Lock()
				defer mu.Unlock()
				counted[bytes] = cut
				return func() {
					mu.Lock()
					defer mu.Unlock()
					delete(counted, bytes)
				}
			}
		})
		c := w.signedIn("ann")
		rest := c.begins(100_000)
		cut := func() (most int, cut func()) {
			mu.Lock()
			defer mu.Unlock()
			for bytes, of := range counted {
				if bytes > most {
					most, cut = bytes, of
				}
			}
			return most, cut
		}
		var end func()
		for began := time.Now(); ; time.Sleep(time.Millisecond) {
			var bytes int
			if bytes, end = cut(); bytes >= 90_000 {
				break
			}
			if time.Since(began) > patience {
				t.Fatalf("%d bytes of an unfinished message are counted, want 90,000 and more", bytes)
			}
		}
		if _, err := io.WriteString(rest, `{"type":"ping"}`); err != nil {
			t.Fatal(err)
		}
		if err := rest.Close(); err != nil {
			t.Fatal(err)
		}
		c.expect(`{"type":"pong"}`)
		if bytes, _ := cut(); bytes > 0 {
			t.Errorf("%d bytes are counted after the message has come", bytes)
		}
		end() // too late: it is another socket's turn
		c = w.signedIn("ann")
		c.begins(100_000)
		for end = nil; end == nil; time.Sleep(time.Millisecond) {
			_, end = cut()
		}
		end()
		if text, err := c.read(); err == nil {
			t.Errorf("got %s; want the connection to end", text)
		}
	})

	t.Run("may have 16 KiB before the sign-in", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		c := w.connect(nil)
		c.send(strings.Repeat(" ", 16<<10+1))
		c.expectClose(1009, "A message may have at most 16384 bytes")
	})
}
