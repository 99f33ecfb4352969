package conn

import (
	"io"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
)

const (
	pacedBytes   = 64 << 10 // of a message, that the peer may take Options.ReadTimeout to send
	countedBytes = 16 << 10 // of a message, that are counted together
)

// Hold counts so many bytes of a message that has not arrived whole, until release is called. It may call cut, which ends
// the socket.
type Hold func(bytes int, cut func()) (release func())

// arriving reads a message at the pace that the peer must keep: a peer that does not go on would keep what it has sent in
// memory for ever.
type arriving struct {
	socket  *Socket
	from    io.Reader
	began   time.Time
	hold    Hold
	read    int
	counted int
	release func()
}

func (a *arriving) Read(into []byte) (int, error) {
	if a.read >= a.counted {
		timeout := a.socket.options.ReadTimeout
		a.socket.readBy(a.began.Add(timeout + timeout*time.Duration(a.read/pacedBytes)))
		a.done()
		if a.counted += countedBytes; a.read > 0 {
			a.release = a.hold(a.counted, a.socket.cutOff)
		}
	}
	n, err := a.from.Read(into)
	a.read += n
	return n, err
}

func (a *arriving) done() {
	if a.release != nil {
		a.release()
		a.release = nil
	}
}

// receive reads the rest of a message, of which it returns a byte more than limit at most.
func (s *Socket) receive(r io.Reader, began time.Time, limit int64, hold Hold) ([]byte, error) {
	a := &arriving{socket: s, from: r, began: began, hold: hold}
	defer a.done()
	text, err := io.ReadAll(io.LimitReader(a, limit+1))
	s.readBy(time.Time{})
	return text, err
}

// cutOff ends the socket of a peer whose unfinished messages take memory that others need.
func (s *Socket) cutOff() { s.Close(wire.Lost("Unfinished messages took the memory that others need")) }

// readBy bounds the time of the next reads, unless the socket closes or its reader is to wake up.
func (s *Socket) readBy(deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == nil && !s.waking {
		_ = s.conn.SetReadDeadline(deadline)
	}
}

// wakeReader makes the reader notice that the connection has ended. The caller holds the lock.
func (s *Socket) wakeReader() {
	s.waking = true
	_ = s.conn.SetReadDeadline(past)
}
