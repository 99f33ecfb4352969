package conn

import (
	"bytes"
	"context"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// Scratch is what one goroutine reuses for all that it writes.
type Scratch struct {
	buffer []byte
	sender *sender
}

// NewScratch returns a Scratch that holds no memory yet.
func NewScratch() *Scratch { return &Scratch{sender: newSender()} }

// Trim gives the buffer back after an unusually long message.
func (w *Scratch) Trim() {
	if w.buffer = w.buffer[:0]; cap(w.buffer) > 4*BatchBytes {
		w.buffer = nil
	}
}

// offer hands over what a group says to one of its members, and never waits; false: the peer is too far behind. Only
// the member's lane calls it.
func (s *Socket) Offer(op *Operation, es []*wire.Message, w *Scratch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason != nil {
		return true // and nobody wants it
	}
	text := w.buffer[:0]
	for _, e := range es {
		if !e.IsLast() && e.Position.Offset <= op.Position.Offset {
			continue // it was there before it joined
		}
		if s.draining {
			if len(s.queue) >= queueMax || s.queued+len(e.Data) > queueBytes {
				return false
			}
			s.enqueue(item{op: op, message: e})
		} else {
			text = s.append(text, op, e)
		}
		if !e.IsLast() {
			op.Position = e.Position
		}
	}
	w.buffer = text
	s.write(text, w.sender)
	return true
}

// push writes an entry once the peer has taken all that came before; false: it is not wanted any more. So an operation
// that has a goroutine of its own is one message ahead of its peer at most.
func (s *Socket) Push(ctx context.Context, op *Operation, e *wire.Message) bool {
	for s.AwaitDrained(ctx) {
		s.mu.Lock()
		if s.draining {
			s.mu.Unlock()
			continue
		}
		wanted := s.reason == nil && !op.Gone()
		if wanted {
			s.write(s.append(nil, op, e), newSender())
		}
		s.mu.Unlock()
		return wanted
	}
	return false
}

// answer writes what the peer asked for. It is the reader's way to write: a peer that asks faster than it takes the
// answers is not read meanwhile.
func (s *Socket) Reply(text []byte) {
	for {
		s.mu.Lock()
		if s.reason != nil {
			s.mu.Unlock()
			return
		}
		full, drained := s.draining && len(s.queue) >= queueMax, s.drained
		if !full {
			s.send(text)
		}
		s.mu.Unlock()
		if !full {
			return
		}
		select {
		case <-drained:
		case <-s.closing:
		}
	}
}

// control writes a control frame; where the queue has one like it already, that is enough.
func (s *Socket) control(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason != nil {
		return
	}
	for _, i := range s.queue {
		if bytes.Equal(i.text, text) {
			return
		}
	}
	if len(s.queue) < 2*queueMax {
		s.send(text)
	}
}

// append adds an entry as the peer gets it, if it is still wanted. It is called as the entry is about to be written.
func (s *Socket) append(text []byte, op *Operation, e *wire.Message) []byte {
	if op.Gone() || e.IsLast() && !op.release() {
		return text
	}
	if e.IsLast() && s.ws == nil { // with its one operation a stream ends: its reader closes it
		s.spent = true
		_ = s.conn.SetReadDeadline(past)
	}
	return s.Codec.Message(text, op.id, op.prefix, e)
}

// say writes or queues; the caller holds the lock.
func (s *Socket) send(text []byte) {
	if s.draining {
		s.enqueue(item{text: text})
	} else {
		s.write(text, newSender())
	}
}

// write writes without waiting, and has the rest written by a goroutine. The caller holds the lock, and nothing draining.
func (s *Socket) write(text []byte, a *sender) {
	if len(text) == 0 {
		return
	}
	n := 0
	if s.raw != nil {
		var err error
		if n, err = a.write(s.raw, text); err != nil {
			// The connection is gone; the reader, which is woken, says so and ends the socket.
			_ = s.conn.SetReadDeadline(past)
			return
		}
	}
	if n < len(text) {
		s.enqueue(item{text: bytes.Clone(text[n:])})
		s.draining, s.drained = true, make(chan struct{})
		go s.drain()
	}
}
