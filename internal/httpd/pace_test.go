package httpd

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/inflight"
)

const patience = time.Minute

// paced serves a handler with deadlines, and returns its address.
func paced(t *testing.T, timeout time.Duration, most int, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(pacer{timeout: timeout, answers: inflight.New(most)}.handler(h))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func dial(t *testing.T, address, head string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	return conn
}

// trickle sends a byte at a time until the connection ends, or for as long as a test may wait.
func trickle(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	for began := time.Now(); time.Since(began) < patience; time.Sleep(20 * time.Millisecond) {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
	t.Error("the server lets a slow sender go on")
}

func TestSlowSendersAreEnded(t *testing.T) {
	t.Parallel()
	reading := paced(t, 200*time.Millisecond, 1<<20, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("the whole body was read")
		}
		w.WriteHeader(http.StatusBadRequest)
	})
	refusing := paced(t, 200*time.Millisecond, 1<<20, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusUnauthorized)
	})
	for name, address := range map[string]string{"while the handler reads": reading, "after the handler has refused": refusing} {
		for length, piece := range map[string]string{"Content-Length: 100000": "x", "Transfer-Encoding: chunked": "1\r\nx\r\n"} {
			t.Run(name+", "+length, func(t *testing.T) {
				t.Parallel()
				trickle(t, dial(t, address, "POST / HTTP/1.1\r\nHost: x\r\n"+length+"\r\n\r\n"), piece)
			})
		}
	}
}

func TestSteadySendersAreNotEnded(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	address := paced(t, timeout, 1<<20, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		time.Sleep(timeout / 4) // a slow operation, during which the client sends nothing
		fmt.Fprint(w, n, err, r.Context().Err())
	})
	// Two requests, so that the second meets whatever the first has left on the connection.
	conn := dial(t, address, "")
	for range 2 {
		_, _ = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 20*pacedBytes)
		for range 20 {
			_, _ = conn.Write(make([]byte, pacedBytes))
			time.Sleep(timeout / 40)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if want := fmt.Sprint(20*pacedBytes, nil, nil); string(text) != want || err != nil {
			t.Errorf("%q, %v; want %q", text, err, want)
		}
	}
}

func TestClientsThatDoNotReadAreEnded(t *testing.T) {
	t.Parallel()
	const large = 32 << 20 // more than the system's buffers take
	for name, test := range map[string]struct {
		timeout time.Duration
		most    int
		clients int
	}{
		"by the time of a piece":           {200 * time.Millisecond, 1 << 30, 1},
		"by the bytes of all, but for one": {patience, large, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan error, test.clients)
			address := paced(t, test.timeout, test.most, func(w http.ResponseWriter, _ *http.Request) {
				_, err := w.Write(make([]byte, large))
				ended <- err
			})
			for range test.clients {
				dial(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			}
			for range max(1, test.clients-1) {
				select {
				case err := <-ended:
					if err == nil {
						t.Error("the answer was written")
					}
				case <-time.After(patience):
					t.Fatal("the server waits on")
				}
			}
		})
	}
}
