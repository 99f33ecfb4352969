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

// Socket is one connection and what is on its way to the peer. This file has its life; reader.go, writer.go and queue.go
// have its bytes.
type Socket struct {
	raw   syscall.RawConn // for writes that do not wait; nil where the connection has no descriptor
	Codec wire.Codec

	mu       sync.Mutex
	reason   *wire.CloseReason // why the socket closes; nil while the socket is open
	closeBy  time.Time         // when the connection ends, even if the peer has not answered the close frame
	queue    []item            // what the peer has not taken yet
	queued   int               // size of the queue in bytes
	draining bool              // a goroutine is writing the queue
	drained  chan struct{}     // closed when that goroutine ends
	complete bool              // the operation of a stream has ended
	waking   bool              // the reader is to notice that the connection has ended

	conn       net.Conn
	ws         *websocket.Conn // reads; nil for a stream of server-sent events
	options    *Options
	slot       int // of Heartbeat
	operations *operations
	unanswered atomic.Int32  // pings since the peer was last heard
	closing    chan struct{} // closed when the socket begins to close
}

// past is a deadline that wakes the reader.
var past = time.Unix(1, 0)

// New returns the socket of a connection: a WebSocket where ws is not nil, else a stream of server-sent events. The
// caller reads it, in a loop over Read or by AwaitEnd, and then calls Finish.
func New(conn net.Conn, ws *websocket.Conn, codec wire.Codec, o *Options) *Socket {
	s := &Socket{conn: conn, ws: ws, Codec: codec, options: o, operations: newOperations(o.MaxOperations), closing: make(chan struct{})}
	if c, ok := conn.(syscall.Conn); ok {
		s.raw, _ = c.SyscallConn()
	}
	if ws != nil {
		s.handleControlFrames()
	}
	return s
}

// Close begins to close the socket and does not wait. Only the first reason counts. The peer gets the close frame after
// the message that is being written. The reader then waits for the peer's close frame. CloseTimeout bounds both.
func (s *Socket) Close(reason wire.CloseReason) {
	s.mu.Lock()
	if s.reason != nil {
		s.mu.Unlock()
		return
	}
	s.reason = &reason
	s.closeBy = time.Now().Add(s.options.CloseTimeout)
	_ = s.conn.SetReadDeadline(s.closeBy)
	if s.ws == nil {
		_ = s.conn.SetReadDeadline(past) // the peer of a stream sends no close frame
	}
	s.dropQueue()
	switch {
	case reason.IsLost():
		_ = s.conn.Close()
	case s.draining: // that goroutine writes the close frame after what it is writing now
		s.enqueue(item{text: s.Codec.CloseFrame(nil, reason)})
		_ = s.conn.SetWriteDeadline(s.closeBy)
	default:
		s.write(s.Codec.CloseFrame(nil, reason), nil)
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

// ended returns why a closing socket closes, and when its connection ends at the latest.
func (s *Socket) ended() (wire.CloseReason, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.reason, s.closeBy
}

// Finish is called by the reader when there is nothing more to read. It gives the peer until CloseTimeout to take what is
// being written, and returns the reason of the close when the connection is closed and no goroutine writes any more.
func (s *Socket) Finish() wire.CloseReason {
	s.Close(wire.Lost("Reader gone"))
	reason, by := s.ended()
	ctx, cancel := context.WithDeadline(context.Background(), by)
	defer cancel()
	if !s.AwaitDrained(ctx) {
		s.drop()
		s.AwaitDrained(context.Background())
	}
	_ = s.conn.Close()
	return reason
}

// drop closes the connection and discards what the peer did not take, which the system would otherwise try to deliver
// for minutes.
func (s *Socket) drop() {
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = s.conn.Close()
}
