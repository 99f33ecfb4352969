package live

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
)

// socket moves frames to and from one peer and knows nothing of what they say.
//
// One goroutine reads (next) and one writes (write); every other hands its frames to the writer. So no
// reader ever waits for a peer that does not read: what a blocked write holds up is the operations of its
// own socket, until WriteTimeout cuts it off. What answers the peer goes before what operations push.
type socket struct {
	conn    *websocket.Conn
	options Options
	cancel  context.CancelFunc // ends the context that the socket's operations run in

	urgent  chan frame
	pong    chan frame // one: filled by the reader alone, so that it never waits
	pushed  chan frame // unbuffered: an operation is one message ahead of its peer at most
	closing chan struct{}
	written chan struct{} // closed when the writer has ended

	unanswered atomic.Int32 // pings since the peer was last heard

	mu      sync.Mutex
	ending  *ending   // why the socket closes; nil while it is open
	closeBy time.Time // when it is cut off if the peer has not answered the close frame
}

func newSocket(conn *websocket.Conn, o Options, cancel context.CancelFunc) *socket {
	s := &socket{
		conn:    conn,
		options: o,
		cancel:  cancel,
		urgent:  make(chan frame, 16),
		pong:    make(chan frame, 1),
		pushed:  make(chan frame),
		closing: make(chan struct{}),
		written: make(chan struct{}),
	}
	// gorilla's own handlers write from the reader, which would then wait for a blocked write.
	conn.SetPingHandler(func(data string) error {
		s.heard()
		select { // only the latest ping need be answered (RFC 6455, section 5.5.3, Pong)
		case <-s.pong:
		default:
		}
		s.pong <- frame{kind: websocket.PongMessage, data: []byte(data)}
		return nil
	})
	conn.SetPongHandler(func(string) error { s.heard(); return nil })
	conn.SetCloseHandler(func(code int, reason string) error {
		// The answer repeats the code (RFC 6455, section 5.5.1, Close).
		s.close(ending{code, reason})
		return nil
	})
	return s
}

// close begins to close the socket; only the first reason counts. It does not wait. The writer sends the
// close frame, the reader waits for the peer's, and CloseTimeout ends both.
func (s *socket) close(e ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending != nil {
		return
	}
	s.ending = &e
	s.closeBy = time.Now().Add(s.options.CloseTimeout)
	if e.isLost() {
		_ = s.conn.Close()
	}
	_ = s.conn.SetReadDeadline(s.closeBy)
	close(s.closing)
	s.cancel()
}

// heard is called for all that comes from the peer: it is there.
func (s *socket) heard() { s.unanswered.Store(0) }

func (s *socket) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending != nil
}

// next returns the peer's next text and when it began to arrive; false: the connection has ended. While
// the socket closes it reads on, only for the peer's close frame: a TCP connection that is closed with
// bytes unread is reset, and the reset can overtake our own close frame.
func (s *socket) next() (text []byte, began time.Time, ok bool) {
	for {
		kind, r, err := s.conn.NextReader()
		began = graphql.Now()
		s.heard()
		if err == nil && s.isClosing() {
			continue
		}
		if err == nil {
			text, err = io.ReadAll(io.LimitReader(r, s.options.MaxMessageBytes+1))
		}
		switch {
		case err != nil:
			s.close(lost(fmt.Sprintf("Connection lost: %v", err)))
			return nil, began, false
		case int64(len(text)) > s.options.MaxMessageBytes:
			s.close(tooBig(s.options.MaxMessageBytes))
		case kind != websocket.TextMessage:
			s.close(badRequest("the message is not text"))
		case !utf8.Valid(text): // RFC 6455, section 8.1, Handling Errors in UTF-8-Encoded Data
			s.close(notUTF8)
		default:
			return text, began, true
		}
	}
}

// ended returns why a closing socket closes and by when it must be.
func (s *socket) ended() (ending, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.ending, s.closeBy
}

// finish follows the last call of next: it lets the writer end, cuts it off when that takes too long, and
// returns when the connection is closed and nothing of the socket runs any more.
func (s *socket) finish() ending {
	s.close(lost("Reader gone"))
	e, by := s.ended()
	late := time.NewTimer(time.Until(by))
	defer late.Stop()
	select {
	case <-s.written:
	case <-late.C:
		s.drop()
	}
	_ = s.conn.Close()
	<-s.written
	return e
}
