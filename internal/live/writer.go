package live

import (
	"bytes"
	"context"
)

// offer hands over what a group says to one of its members, and never waits; false: the peer is too far behind. Only
// the member's lane calls it.
func (s *socket) offer(op *operation, es []*entry, l *lane) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending != nil {
		return true // and nobody wants it
	}
	text := l.buffer[:0]
	for _, e := range es {
		if !e.isLast() && e.place.Position <= op.at.Position {
			continue // it was there before it joined
		}
		if s.flows {
			if len(s.queue) >= queueMax || s.queued+len(e.data) > queueBytes {
				return false
			}
			s.enqueue(item{op: op, entry: e})
		} else {
			text = s.append(text, op, e)
		}
		if !e.isLast() {
			op.at = e.place
		}
	}
	l.buffer = text
	s.write(text, l.attempt)
	return true
}

// push writes an entry once the peer has taken all that came before; false: it is not wanted any more. So an operation
// that has a goroutine of its own is one message ahead of its peer at most.
func (s *socket) push(ctx context.Context, op *operation, e *entry) bool {
	for s.awaitDrained(ctx) {
		s.mu.Lock()
		if s.flows {
			s.mu.Unlock()
			continue
		}
		wanted := s.ending == nil && !op.isGone()
		if wanted {
			s.write(s.append(nil, op, e), newAttempt())
		}
		s.mu.Unlock()
		return wanted
	}
	return false
}

// answer writes what the peer asked for. It is the reader's way to write: a peer that asks faster than it takes the
// answers is not read meanwhile.
func (s *socket) answer(text []byte) {
	for {
		s.mu.Lock()
		if s.ending != nil {
			s.mu.Unlock()
			return
		}
		full, drained := s.flows && len(s.queue) >= queueMax, s.drained
		if !full {
			s.say(text)
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
func (s *socket) control(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending != nil {
		return
	}
	for _, i := range s.queue {
		if bytes.Equal(i.text, text) {
			return
		}
	}
	if len(s.queue) < 2*queueMax {
		s.say(text)
	}
}

// append adds an entry as the peer gets it, if it is still wanted. It is called as the entry is about to be written.
func (s *socket) append(text []byte, op *operation, e *entry) []byte {
	if op.isGone() || e.isLast() && !op.release() {
		return text
	}
	if e.isLast() && s.ws == nil { // with its one operation a stream ends: its reader closes it
		s.spent = true
		_ = s.conn.SetReadDeadline(past)
	}
	return s.protocol.entry(text, op, e)
}

// say writes or queues; the caller holds the lock.
func (s *socket) say(text []byte) {
	if s.flows {
		s.enqueue(item{text: text})
	} else {
		s.write(text, newAttempt())
	}
}

// write writes without waiting, and has the rest written by a goroutine. The caller holds the lock, and nothing flows.
func (s *socket) write(text []byte, a *attempt) {
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
		s.flows, s.drained = true, make(chan struct{})
		go s.flow()
	}
}
