package connections

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/pgtest"
)

// full makes the attacks as large as bench/README.md says; without it they are a tenth.
var full = flag.Bool("full", false, "the whole number of connections")

const (
	token   = "the-administrator-of-this-test-alone"
	allowed = 64 << 20 // bytes that an attack may add to the server's memory
)

// schema is a query whose answer is about 200 KB for each alias.
func schema(aliases int) string {
	var b strings.Builder
	for i := range aliases {
		fmt.Fprintf(&b, "a%d: __schema { types { name description fields { name description } inputFields { name description } } } ", i)
	}
	text, err := json.Marshal(setup.Vars{"query": "{ " + b.String() + "}"})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func post(authorization, headers, body string) string {
	return fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s",
		authorization, headers, len(body), body)
}

// No attack without a token, and no client that does not read, may add much to a server's memory, whose other clients are
// served meanwhile.
func TestMemoryUnderAttack(t *testing.T) {
	t.Parallel()
	p := setup.StartProgram(t, []string{"DATABASE_URL=" + pgtest.URL(t, pgtest.New(t)), "CLOSELOOP_LISTEN=127.0.0.1:0", "CLOSELOOP_ADMIN_TOKEN=" + token, "CLOSELOOP_LOG=warn"})
	url, ok := p.Serving(setup.Patience)
	if !ok {
		t.Fatal(p.Output())
	}
	address := strings.TrimPrefix(url, "http://")
	s := &setup.Server{T: t, URL: url}
	works := func() {
		t.Helper()
		if a := s.Post(token, []byte(`{"query": "{ viewer { user { role } } }"}`)); a.Status != http.StatusOK || len(a.Errors) > 0 {
			t.Errorf("another client gets status %d: %s", a.Status, a.Body)
		}
	}
	unread := schema(7)
	size := len(s.Post(token, []byte(unread)).Body)
	if size < 1_000_000 {
		t.Fatalf("the answer has %d bytes only", size)
	}

	for _, attack := range []struct {
		name    string
		clients int
		text    string
		wait    bool // for the beginning of an answer
	}{
		{"connections that send nothing", 10_000, "", false},
		{"half-sent headers", 10_000, "POST /graphql HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 3000), false},
		{"WebSockets that do not sign in", 10_000, "GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", true},
		{"bodies of 1 MB of strangers", 300, post("nobody-has-this-token", "", strings.Repeat(" ", 1<<20)), false},
		{"streams of strangers", 300, post("nobody-has-this-token", "Accept: text/event-stream\r\n", strings.Repeat(" ", 1<<20)), false},
		{"answers that nobody reads", 60, post(token, "", unread), false},
	} {
		if !*full {
			attack.clients /= 10
		}
		before := p.Memory()
		var open []net.Conn
		var sending sync.WaitGroup
		for range attack.clients {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			open = append(open, conn)
			sending.Go(func() {
				_, _ = io.WriteString(conn, attack.text) // fails where the server ends the connection, as it may
				if attack.wait {
					_ = conn.SetReadDeadline(time.Now().Add(setup.Patience))
					_, _ = bufio.NewReader(conn).Peek(1)
				}
			})
		}
		peak := before
		sample := func(until func() bool) {
			for !until() {
				peak = max(peak, p.Memory())
				time.Sleep(20 * time.Millisecond)
			}
		}
		sent := make(chan struct{})
		go func() { sending.Wait(); close(sent) }()
		sample(func() bool { return isClosed(sent) })
		stands := time.Now().Add(2 * time.Second)
		sample(func() bool { return time.Now().After(stands) })
		works()
		for _, conn := range open {
			_ = conn.Close()
		}
		t.Logf("%-34s %6d clients: %4d MB, %+4d MB", attack.name, attack.clients, peak>>20, (peak-before)>>20)
		if peak-before > growth {
			t.Errorf("%s: %d clients add %d MB", attack.name, attack.clients, (peak-before)>>20)
		}
		works()
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
