package conn

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/gorilla/websocket"
)

// webSocket returns a WebSocket whose reader runs until the test ends, and the connection of its peer.
func webSocket(t *testing.T) (*Socket, *websocket.Conn) {
	t.Helper()
	sockets := make(chan *Socket, 1)
	codec := wire.TransportWS()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{Subprotocols: []string{codec.Name}}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		s := New(ws.NetConn(), ws, codec, &Options{Log: slog.New(slog.DiscardHandler), WriteTimeout: patience,
			CloseTimeout: patience, MaxOperations: 1})
		sockets <- s
		for ok := true; ok; {
			_, _, ok = s.Read(1000, nil)
		}
		s.Finish()
	}))
	t.Cleanup(server.Close)
	peer, _, err := (&websocket.Dialer{Subprotocols: []string{codec.Name}}).Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	_ = peer.SetReadDeadline(time.Now().Add(patience))
	return <-sockets, peer
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()

	t.Run("closes a WebSocket after two unanswered pings", func(t *testing.T) {
		t.Parallel()
		s, _ := webSocket(t)
		s.heartbeat()
		s.heartbeat()
		if s.isClosing() {
			t.Fatal("it closes too early")
		}
		s.heartbeat()
		if !s.isClosing() {
			t.Fatal("it stays open")
		}
		if reason, _ := s.ended(); reason != wire.Lost("No answer to pings") {
			t.Errorf("closed with %+v", reason)
		}
	})

	t.Run("keeps a WebSocket that answers pings", func(t *testing.T) {
		t.Parallel()
		s, peer := webSocket(t)
		read := make(chan error, 1)
		go func() { // gorilla answers pings while it reads
			_, _, err := peer.NextReader()
			read <- err
		}()
		for range 10 {
			s.heartbeat()
			for end := time.Now().Add(patience); s.unanswered.Load() > 0; time.Sleep(time.Millisecond) {
				if s.isClosing() || time.Now().After(end) {
					t.Fatal("an answered ping counts as unanswered")
				}
			}
		}
		s.Close(wire.Done)
		var closed *websocket.CloseError
		if err := <-read; !errors.As(err, &closed) || closed.Code != 1000 {
			t.Errorf("the peer saw %v", err)
		}
	})

	t.Run("shows a stream that the server is alive and expects no answer", func(t *testing.T) {
		t.Parallel()
		s, _, peer := pair(t, Options{WriteTimeout: patience, CloseTimeout: patience}, nil)
		for range 5 {
			s.heartbeat()
		}
		got := make([]byte, len(":\n\n")*5)
		if _, err := io.ReadFull(decoded(peer), got); err != nil || string(got) != strings.Repeat(":\n\n", 5) {
			t.Errorf("the peer got %q (%v)", got, err)
		}
	})

	t.Run("pings each of the sockets that were added and not removed", func(t *testing.T) {
		t.Parallel()
		h := NewHeartbeat(slog.New(slog.DiscardHandler), 16*time.Millisecond)
		first, second := &Socket{}, &Socket{}
		h.Add(first)
		h.Add(second)
		h.Remove(first)
		if sockets := h.Sockets(); len(sockets) != 1 || sockets[0] != second {
			t.Fatalf("%d sockets", len(sockets))
		}
		h.Remove(second)
		s, _, peer := pair(t, Options{WriteTimeout: patience, CloseTimeout: patience}, nil)
		h.Add(s)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { h.Run(ctx); close(ended) }()
		got := make([]byte, len(":\n\n")*3)
		if _, err := io.ReadFull(decoded(peer), got); err != nil {
			t.Error(err)
		}
		cancel()
		<-ended
	})
}
