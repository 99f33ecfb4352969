package conn

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/gorilla/websocket"
)

// socket is one connection with what is on its way to the peer; it knows nothing of what that says. Here is how it
// ends; writer.go has how it is written to, queue.go what waits, and reader.go how it is read.
//
// One goroutine reads. Whoever has something to say writes by itself, without waiting; only what the peer does not take
// at once is queued, and a goroutine writes it that lives as long as the queue does.
type Socket struct {
	raw   syscall.RawConn // for writes that do not wait; nil: conn knows none
	Codec wire.Codec

	mu       sync.Mutex
	reason   *wire.CloseReason // why the socket closes; nil while it is open
	closeBy  time.Time         // when it is cut off if the peer has not answered the close frame
	queue    []item            // what the peer has not yet taken; see queue.go
	queued   int
	draining bool          // a goroutine writes the queue
	drained  chan struct{} // closed when that goroutine ends
	spent    bool          // a stream's operation has ended

	conn       net.Conn
	ws         *websocket.Conn // reads; nil: server-sent events
	options    *Options
	slot       int // when it is pinged
	operations *operations
	unanswered atomic.Int32 // pings since the peer was last heard
	closing    chan struct{}
}

// past as a deadline wakes whoever reads.
var past = time.Unix(1, 0)

func New(conn net.Conn, ws *websocket.Conn, codec wire.Codec, o *Options) *Socket {
	s := &Socket{conn: conn, ws: ws, Codec: codec, options: o, operations: newOperations(o.MaxOperations), closing: make(chan struct{})}
	if c, ok := conn.(syscall.Conn); ok {
		s.raw, _ = c.SyscallConn()
	}
	if ws != nil {
		s.listen()
	}
	return s
}

// close begins to close the socket; only the first reason counts. It does not wait. The peer gets the goodbye behind
// what is being written; the reader waits for the peer's, and CloseTimeout ends both.
func (s *Socket) Close(e wire.CloseReason) {
	s.mu.Lock()
	if s.reason != nil {
		s.mu.Unlock()
		return
	}
	s.reason = &e
	s.closeBy = time.Now().Add(s.options.CloseTimeout)
	_ = s.conn.SetReadDeadline(s.closeBy)
	if s.ws == nil {
		_ = s.conn.SetReadDeadline(past) // a stream's peer has no word to say at its end
	}
	s.queue, s.queued = nil, 0
	switch {
	case e.IsLost():
		_ = s.conn.Close()
	case s.draining: // it writes the goodbye too, when it is done with what it has in hand
		s.queue = []item{{text: s.Codec.CloseFrame(nil, e)}}
		_ = s.conn.SetWriteDeadline(s.closeBy)
	default:
		s.write(s.Codec.CloseFrame(nil, e), newSender())
	}
	close(s.closing)
	s.mu.Unlock()
	s.operations.end()
}

func (s *Socket) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// ended returns why a closing socket closes and by when it must be.
func (s *Socket) ended() (wire.CloseReason, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.reason, s.closeBy
}

// finish is called by the reader when there is nothing more to read: it lets what is being written go out, cuts that
// off when it takes too long, and returns when the connection is closed and nothing of the socket runs any more.
func (s *Socket) Finish() wire.CloseReason {
	s.Close(wire.Lost("Reader gone"))
	e, by := s.ended()
	ctx, cancel := context.WithDeadline(context.Background(), by)
	defer cancel()
	if !s.AwaitDrained(ctx) {
		s.drop()
		s.AwaitDrained(context.Background())
	}
	_ = s.conn.Close()
	return e
}

// drop closes the connection together with what the peer did not take, which the system would go on
// trying to deliver for minutes.
func (s *Socket) drop() {
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = s.conn.Close()
}
