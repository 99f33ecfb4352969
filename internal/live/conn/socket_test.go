package conn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; it fails then, and never passes by waiting.
const patience = 60 * time.Second

// withoutDescriptor hides the connection's descriptor, so that the socket uses the sender of all other platforms.
type withoutDescriptor struct{ net.Conn }

// pair returns a socket with one operation, and the connection of its peer.
func pair(t *testing.T, o Options, wrap func(net.Conn) net.Conn) (*Socket, *Operation, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = peer.SetReadDeadline(time.Now().Add(patience))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	o.Log, o.MaxOperations = slog.New(slog.DiscardHandler), 1
	if wrap != nil {
		c = wrap(c)
	}
	s := New(c, nil, wire.EventStream{}, &o)
	op := &Operation{}
	if err := s.Begin(op, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // a second Finish does no harm
		_ = peer.Close()
		op.End()
		s.Finish()
		s.WaitOperations()
	})
	return s, op, peer
}

func message(offset int, size int) *wire.Message {
	return &wire.Message{
		Position: wire.Position{Offset: int64(offset)},
		Data:     fmt.Appendf(nil, "%d %s", offset, strings.Repeat("x", size)),
	}
}

// expectMessages reads messages, which must come in order and whole.
func expectMessages(t *testing.T, lines *bufio.Reader, from, to, size int) {
	t.Helper()
	for n := from; n <= to; n++ {
		want := fmt.Sprintf("event: next\ndata: %d %s\n\n", n, strings.Repeat("x", size))
		got := make([]byte, len(want))
		if _, err := io.ReadFull(lines, got); err != nil || string(got) != want {
			t.Fatalf("in place of message %d came %.60q (%v)", n, got, err)
		}
	}
}

func decoded(peer net.Conn) *bufio.Reader {
	return bufio.NewReader(httputil.NewChunkedReader(bufio.NewReader(peer)))
}

func TestSocket(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"by the platform's sender": nil,
		"by the portable sender":   func(c net.Conn) net.Conn { return withoutDescriptor{c} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testSocket(t, wrap)
		})
	}
}

func testSocket(t *testing.T, wrap func(net.Conn) net.Conn) {
	long := Options{WriteTimeout: time.Hour, CloseTimeout: patience}

	t.Run("delivers in order to a peer that reads", func(t *testing.T) {
		t.Parallel()
		s, op, peer := pair(t, long, wrap)
		lines, scratch := decoded(peer), NewScratch()
		for n := 1; n <= 200; n++ {
			if n%2 == 0 {
				if !s.Offer(op, []*wire.Message{message(n, 10)}, scratch) {
					t.Fatalf("message %d was not taken", n)
				}
			} else if !s.Push(t.Context(), op, message(n, 10)) {
				t.Fatalf("message %d was not wanted", n)
			}
			if n%10 == 0 {
				expectMessages(t, lines, n-9, n, 10)
			}
		}
	})

	t.Run("holds a large message for a peer that reads late", func(t *testing.T) {
		t.Parallel()
		const size = 16_000_000 // more than any pair of socket buffers takes
		s, op, peer := pair(t, long, wrap)
		if !s.Push(t.Context(), op, message(1, size)) {
			t.Fatal("the message was not wanted")
		}
		if s.Offer(op, []*wire.Message{message(2, queueBytes)}, NewScratch()) {
			t.Error("the queue is full, and took more")
		}
		expectMessages(t, decoded(peer), 1, 1, size)
	})

	t.Run("refuses more than the queue holds and goes on where it stopped", func(t *testing.T) {
		t.Parallel()
		const size = 10_000
		s, op, peer := pair(t, long, wrap)
		scratch, n := NewScratch(), 1
		for s.Offer(op, []*wire.Message{message(n, size)}, scratch) {
			if n++; n*size > 100_000_000 {
				t.Fatalf("%d messages were taken although the peer does not read", n)
			}
		}
		if at := op.Position.Offset; at != int64(n-1) {
			t.Fatalf("message %d was refused, and the operation is at %d", n, at)
		}
		lines := decoded(peer)
		expectMessages(t, lines, 1, n-1, size)
		if !s.Push(t.Context(), op, message(n, size)) {
			t.Fatal("the next message was not wanted")
		}
		expectMessages(t, lines, n, n, size)
	})

	t.Run("takes of many messages as many as the peer does and holds the rest of one", func(t *testing.T) {
		t.Parallel()
		const size, all = 10_000, 1_500 // altogether more than any pair of socket buffers takes
		s, op, peer := pair(t, long, wrap)
		var messages []*wire.Message
		read := 0
		for n := 1; n <= all; n++ {
			messages = append(messages, message(n, size))
		}
		lines, scratch, waited := decoded(peer), NewScratch(), 0
		for done := 0; done < all; {
			written, ok := s.Write(op, messages[done:], scratch)
			if done += written; !ok || op.Position.Offset != int64(done) {
				t.Fatalf("after %d messages the operation is at %d, wanted: %t", done, op.Position.Offset, ok)
			}
			s.mu.Lock()
			queued := s.queued
			s.mu.Unlock()
			if queued > 2*size {
				t.Fatalf("%d bytes are queued", queued)
			}
			if written == 0 { // now the peer reads
				waited++
				expectMessages(t, lines, read+1, done, size)
				read = done
				s.AwaitDrained(t.Context())
			}
		}
		expectMessages(t, lines, read+1, all, size)
		if waited == 0 {
			t.Error("the peer took everything at once")
		}
		s.Close(wire.Forbidden)
		if written, ok := s.Write(op, messages[:1], scratch); written != 0 || ok {
			t.Error("a closing socket takes messages")
		}
	})

	t.Run("cuts off a peer that does not read", func(t *testing.T) {
		t.Parallel()
		s, op, _ := pair(t, Options{WriteTimeout: 50 * time.Millisecond, CloseTimeout: patience}, wrap)
		if !s.Push(t.Context(), op, message(1, 16_000_000)) {
			t.Fatal("the message was not wanted")
		}
		s.AwaitEnd()
		if reason := s.Finish(); reason != wire.SlowConsumer {
			t.Errorf("closed with %+v", reason)
		}
		if !op.Gone() {
			t.Error("the operation goes on")
		}
	})

	t.Run("says why it closes and leaves no message half written", func(t *testing.T) {
		t.Parallel()
		const size = 16_000_000
		s, op, peer := pair(t, long, wrap)
		if !s.Push(t.Context(), op, message(1, size)) {
			t.Fatal("the message was not wanted")
		}
		ctx, cancel := context.WithCancel(t.Context())
		if !op.Control(cancel) {
			t.Fatal("the operation has ended")
		}
		s.Close(wire.Forbidden)
		if s.Push(ctx, op, message(2, 1)) {
			t.Error("a closing socket takes messages")
		}
		finished := make(chan wire.CloseReason, 1)
		go func() { finished <- s.Finish() }()
		text, err := io.ReadAll(decoded(peer))
		if err != nil {
			t.Fatal(err)
		}
		first := fmt.Sprintf("event: next\ndata: %s\n\n", message(1, size).Data)
		rest := strings.TrimPrefix(string(text), first) // the message is there as a whole, or not at all
		if !strings.HasPrefix(rest, `event: next`+"\n"+`data: {"errors":`) || !strings.Contains(rest, `"code":"UNAUTHENTICATED"`) {
			t.Errorf("at the end came %.200q", rest)
		}
		if reason := <-finished; reason != wire.Forbidden {
			t.Errorf("closed with %+v", reason)
		}
	})

	t.Run("stops waiting for a peer when the context ends", func(t *testing.T) {
		t.Parallel()
		s, op, _ := pair(t, long, wrap)
		if !s.Push(t.Context(), op, message(1, 16_000_000)) {
			t.Fatal("the message was not wanted")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if s.Push(ctx, op, message(2, 1)) || !errors.Is(ctx.Err(), context.Canceled) {
			t.Error("a message was taken after its context ended")
		}
	})
}
