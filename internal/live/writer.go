package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// What a socket's queue holds, beyond the rest of what the system took in part: a member of a group that has more to
// get falls behind, and reads on by itself. An entry is shared with all others who get it, so a full queue costs
// little.
const (
	queueMax   = 128
	queueBytes = 256 << 10
)

// item is one thing in a socket's queue: an entry, or text that is ready to be written.
type item struct {
	op    *operation
	entry *entry
	text  []byte
}

func (i item) size() int {
	if i.entry != nil {
		return len(i.entry.data)
	}
	return len(i.text)
}

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

func (s *socket) enqueue(i item) {
	s.queue = append(s.queue, i)
	s.queued += i.size()
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

// flow writes the queue until it is empty. It ends a socket that does not take a message, or about batchBytes of them,
// within WriteTimeout: after the half of a frame nothing can follow.
func (s *socket) flow() {
	defer survive(s.options.Log, "write to a socket", func() {
		s.close(lost("Panic"))
		s.drop()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stopFlow()
	})
	var text []byte
	for {
		text = s.takeQueued(text[:0])
		if len(text) == 0 {
			return
		}
		if _, err := s.conn.Write(text); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				s.close(slowConsumer)
			} else {
				s.close(lost(fmt.Sprintf("Connection lost: %v", err)))
			}
			s.drop()
			s.mu.Lock()
			s.queue, s.queued = nil, 0
			s.mu.Unlock()
		}
	}
}

// takeQueued takes from the queue what is written next. Where there is nothing, the flow has ended.
func (s *socket) takeQueued(text []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < len(s.queue) && len(text) < batchBytes {
		i := s.queue[n]
		if i.entry == nil {
			text = append(text, i.text...)
		} else {
			text = s.append(text, i.op, i.entry)
		}
		s.queued -= i.size()
		s.queue[n] = item{}
		n++
	}
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil
	}
	if len(text) == 0 {
		_ = s.conn.SetWriteDeadline(time.Time{})
		s.stopFlow()
		return nil
	}
	deadline := time.Now().Add(s.options.WriteTimeout)
	if s.ending != nil {
		deadline = s.closeBy
	}
	_ = s.conn.SetWriteDeadline(deadline)
	return text
}

// stopFlow says that the queue is not written any more; the caller holds the lock.
func (s *socket) stopFlow() {
	s.flows, s.queue, s.queued = false, nil, 0
	close(s.drained)
}

// awaitDrained waits until the peer has taken all that there was; false: ctx ended before.
func (s *socket) awaitDrained(ctx context.Context) bool {
	s.mu.Lock()
	flows, drained := s.flows, s.drained
	s.mu.Unlock()
	if flows {
		select {
		case <-drained:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}
