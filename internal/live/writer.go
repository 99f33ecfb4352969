package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// frame is one thing to write.
type frame struct {
	kind int // websocket.TextMessage, PingMessage or PongMessage
	data []byte
	due  func() bool // asked just before the write; false: drop the frame. Nil: write it.
}

// answer hands the writer a frame that goes before all that operations push. It is the reader's way to
// write: a peer that asks faster than it takes the answers is not read meanwhile.
func (s *socket) answer(f frame) {
	select {
	case s.urgent <- f:
	case <-s.closing:
	}
}

// push hands the writer a frame; false: ctx was done before the writer came to it.
func (s *socket) push(ctx context.Context, f frame) bool {
	select {
	case s.pushed <- f:
		return true
	case <-ctx.Done():
		return false
	}
}

// write writes until the socket closes, and then the close frame.
func (s *socket) write() {
	defer close(s.written)
	defer survive(s.options.Log, "write to a socket", func() { s.close(lost("Panic")) })
	ping := time.NewTicker(s.options.PingInterval)
	defer ping.Stop()
	for {
		f, ok := s.take(ping.C)
		if !ok {
			s.sayGoodbye()
			return
		}
		if f.due != nil && !f.due() {
			continue
		}
		if err := s.put(f); err != nil {
			s.cut(err)
			return
		}
	}
}

// take returns what to write next; false: the socket closes.
func (s *socket) take(ping <-chan time.Time) (f frame, ok bool) {
	select {
	case <-s.closing:
		return f, false
	case f = <-s.urgent:
		return f, true
	case f = <-s.pong:
		return f, true
	default:
	}
	select {
	case <-s.closing:
		return f, false
	case f = <-s.urgent:
	case f = <-s.pong:
	case f = <-s.pushed:
	case <-ping:
		// Counting pings, not time, spares peers that did answer while this process was held up.
		if s.unanswered.Add(1) > 2 {
			s.close(lost("No answer to pings"))
			return f, false
		}
		f = frame{kind: websocket.PingMessage}
	}
	return f, true
}

func (s *socket) put(f frame) error {
	deadline := time.Now().Add(s.options.WriteTimeout)
	if f.kind != websocket.TextMessage {
		return s.conn.WriteControl(f.kind, f.data, deadline)
	}
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	return s.conn.WriteMessage(f.kind, f.data)
}

// cut ends a socket that could not be written to: after the half of a frame nothing can follow.
func (s *socket) cut(err error) {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		s.close(slowConsumer)
	} else {
		s.close(lost(fmt.Sprintf("Connection lost: %v", err)))
	}
	s.drop()
}

// drop closes the connection together with what the peer did not take, which the system would go on
// trying to deliver for minutes.
func (s *socket) drop() {
	if tcp, ok := s.conn.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = s.conn.Close()
}

func (s *socket) sayGoodbye() {
	e, by := s.ended()
	if !e.isLost() {
		_ = s.conn.WriteControl(websocket.CloseMessage, e.frame(), by)
	}
}
