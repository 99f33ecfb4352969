package conn

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/gorilla/websocket"
)

// handleControlFrames replaces gorilla's own handlers, which would wait up to a deadline to write their answers.
func (s *Socket) handleControlFrames() {
	s.ws.SetPingHandler(func(data string) error {
		s.heard()
		s.control(wire.AppendFrame(nil, websocket.PongMessage, []byte(data)))
		return nil
	})
	s.ws.SetPongHandler(func(string) error { s.heard(); return nil })
	s.ws.SetCloseHandler(func(code int, reason string) error {
		// The answer repeats the code (RFC 6455, section 5.5.1, Close).
		s.Close(wire.CloseReason{Code: code, Text: reason})
		return nil
	})
}

// heard records that the peer is alive. It is called for everything that the peer sends.
func (s *Socket) heard() { s.unanswered.Store(0) }

// Read returns the peer's next text, of limit bytes at most, and when the text began to arrive; false means that the
// connection has ended. hold counts a long text while it arrives. While the socket closes, Read goes on, but only for the
// peer's close frame: a TCP connection that is closed with bytes unread is reset, and the reset can overtake the server's own
// close frame.
func (s *Socket) Read(limit int64, hold Hold) (text []byte, began time.Time, ok bool) {
	for {
		kind, r, err := s.ws.NextReader()
		began = graphql.Now()
		s.heard()
		if err == nil && s.isClosing() {
			continue
		}
		if err == nil {
			text, err = s.receive(r, began, limit, hold)
		}
		switch {
		case err != nil:
			s.Close(wire.Lost(fmt.Sprintf("Connection lost: %v", err)))
			return nil, began, false
		case int64(len(text)) > limit:
			s.Close(wire.TooBig(limit))
		case kind != websocket.TextMessage:
			s.Close(wire.BadRequest("the message is not text"))
		case !utf8.Valid(text): // RFC 6455, section 8.1, Handling Errors in UTF-8-Encoded Data
			s.Close(wire.NotUTF8)
		default:
			return text, began, true
		}
	}
}

// AwaitEnd returns when the connection has ended. It discards what the peer of a stream may still send.
func (s *Socket) AwaitEnd() {
	var some [64]byte
	for {
		_, err := s.conn.Read(some[:])
		if err == nil {
			continue
		}
		s.mu.Lock()
		complete := s.complete
		s.mu.Unlock()
		if complete {
			s.Close(wire.Done)
		}
		s.Close(wire.Lost(fmt.Sprintf("Connection lost: %v", err)))
		return
	}
}

// heartbeat shows the peer that the server is alive, and closes a WebSocket that left two pings unanswered. It counts
// pings, not time, to spare peers that did answer while this process was delayed. It does not ping a peer that has not
// yet taken what was sent before.
func (s *Socket) heartbeat() {
	s.mu.Lock()
	draining := s.draining
	s.mu.Unlock()
	if draining {
		return // WriteTimeout ends such a socket
	}
	if s.ws != nil && s.unanswered.Add(1) > 2 {
		s.Close(wire.Lost("No answer to pings"))
		return
	}
	s.control(s.Codec.Heartbeat(nil))
}
