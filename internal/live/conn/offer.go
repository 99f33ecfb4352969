package conn

import (
	"bytes"
	"context"
	"slices"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// Scratch is memory that one goroutine reuses for everything that it writes.
type Scratch struct {
	buffer []byte
	ends   []int // where the messages in the buffer end
	sender sender
}

// NewScratch returns a Scratch that holds no memory yet.
func NewScratch() *Scratch { return &Scratch{sender: newSender()} }

// Trim frees the buffer after an unusually long message.
func (w *Scratch) Trim() {
	if w.buffer = w.buffer[:0]; cap(w.buffer) > 4*BatchBytes {
		w.buffer = nil
	}
}

// Offer hands a group's messages to one of its members and never waits; false means that the peer is too far behind. Only
// the goroutine that owns op.Position calls it.
func (s *Socket) Offer(op *Operation, messages []*wire.Message, scratch *Scratch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason != nil {
		return true // the operation is ending, and the messages are not wanted
	}
	text := scratch.buffer[:0]
	for _, m := range messages {
		if !m.IsLast() && m.Position.Offset <= op.Position.Offset {
			continue // the member had this message before it joined
		}
		if s.draining {
			if len(s.queue) >= queueMax || s.queued+len(m.Data) > queueBytes {
				return false
			}
			s.enqueue(item{op: op, message: m})
		} else {
			text = s.append(text, op, m)
		}
		if !m.IsLast() {
			op.Position = m.Position
		}
	}
	scratch.buffer = text
	s.write(text, scratch.sender)
	return true
}

// Write writes as many messages as the peer takes at once, up to about BatchBytes, and returns how many those are. It moves
// op.Position behind them. The last of them may be taken in part: only its rest is queued. So whoever has much to write
// waits until the peer has drained the queue, and holds no memory meanwhile. False means that the operation is ending. No
// message is the last of its operation. Only the goroutine that owns op.Position calls Write.
func (s *Socket) Write(op *Operation, messages []*wire.Message, scratch *Scratch) (written int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.reason != nil || op.Gone():
		return 0, false
	case s.draining || len(messages) == 0:
		return 0, true
	}
	text, ends := scratch.buffer[:0], scratch.ends[:0]
	for _, m := range messages {
		text = s.Codec.Message(text, op.id, op.prefix, m)
		if ends = append(ends, len(text)); len(text) >= BatchBytes {
			break
		}
	}
	scratch.buffer, scratch.ends = text, ends
	taken, err := s.try(text, scratch.sender)
	if err != nil {
		return 0, false
	}
	last, _ := slices.BinarySearch(ends, max(taken, 1)) // of which the peer has taken at least a part, or that is the first
	if taken < ends[last] {
		s.enqueueRest(text[taken:ends[last]], taken > 0)
	} else if taken < len(text) {
		last++ // the peer took whole messages: queue the next one, so that its turn comes when the queue is drained
		s.enqueueRest(text[taken:ends[last]], false)
	}
	op.Position = messages[last].Position
	return last + 1, true
}

// Push writes a message once the peer has taken everything before it; false means that the message is not wanted any
// more. So an operation that has a goroutine of its own is at most one message ahead of its peer.
func (s *Socket) Push(ctx context.Context, op *Operation, m *wire.Message) bool {
	for s.AwaitDrained(ctx) {
		s.mu.Lock()
		if s.draining {
			s.mu.Unlock()
			continue
		}
		wanted := s.reason == nil && !op.Gone()
		if wanted {
			s.write(s.append(nil, op, m), nil)
		}
		s.mu.Unlock()
		return wanted
	}
	return false
}

// Reply writes an answer to the peer, from the goroutine that reads the socket. It waits while the queue is full, so that
// a peer that asks faster than it takes the answers is not read meanwhile.
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

// control writes a control frame, unless the queue holds an equal one already.
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

// append encodes a message if it is still wanted. It is called when the message is about to be written, because the last
// message frees the operation's id.
func (s *Socket) append(text []byte, op *Operation, m *wire.Message) []byte {
	if op.Gone() || m.IsLast() && !op.release() {
		return text
	}
	if m.IsLast() && s.ws == nil { // a stream ends with its operation: wake the reader, which closes the stream
		s.complete = true
		s.wakeReader()
	}
	return s.Codec.Message(text, op.id, op.prefix, m)
}

// send writes or queues a text. The caller holds the lock.
func (s *Socket) send(text []byte) {
	if s.draining {
		s.enqueue(item{text: text})
	} else {
		s.write(text, nil)
	}
}

// write writes without waiting and starts a goroutine for the rest. by is nil for a goroutine that keeps no sender. The
// caller holds the lock, and no goroutine is draining the queue.
func (s *Socket) write(text []byte, by sender) {
	if len(text) == 0 {
		return
	}
	if n, err := s.try(text, by); err == nil && n < len(text) {
		s.enqueueRest(text[n:], n > 0)
	}
}

// try writes what the system takes at once. An error means that the connection is gone: the reader wakes up, notices it and
// ends the socket.
func (s *Socket) try(text []byte, by sender) (taken int, err error) {
	switch {
	case s.raw == nil:
		by = portableSender{}
	case by == nil:
		by = newSender()
	}
	if taken, err = by.send(s.raw, text); err != nil {
		s.wakeReader()
	}
	return taken, err
}

// enqueueRest queues what the system did not take, and starts the goroutine that writes it. begun tells that the peer has
// the beginning of the message. The caller holds the lock, and no goroutine is draining the queue.
func (s *Socket) enqueueRest(rest []byte, begun bool) {
	s.enqueue(item{text: bytes.Clone(rest), rest: begun})
	s.draining, s.drained = true, make(chan struct{})
	go s.drain()
}
