package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// The limits of a socket's queue, beside the rest of a message that the system took in part. A member of a group whose
// queue is full falls behind and reads on by itself. A message in the queue is shared with all its other receivers, so a
// full queue costs little memory.
const (
	queueMax   = 128
	queueBytes = 256 << 10
)

// BatchBytes is about how many bytes are written to a socket at once.
const BatchBytes = 64 << 10

// item is an item of a socket's queue: an operation's message, or text that is ready to be written.
type item struct {
	op      *Operation
	message *wire.Message
	text    []byte
	rest    bool // the peer has the beginning of text already, and would misread whatever came in place of the rest
}

func (i item) size() int {
	if i.message != nil {
		return len(i.message.Data)
	}
	return len(i.text)
}

func (s *Socket) enqueue(i item) {
	s.queue = append(s.queue, i)
	s.queued += i.size()
}

// dropQueue empties the queue except for the rest of a text that the peer has in part. The caller holds the lock.
func (s *Socket) dropQueue() {
	kept := s.queue
	s.queue, s.queued = nil, 0
	if len(kept) > 0 && kept[0].rest {
		s.enqueue(kept[0])
	}
}

// drain writes the queue until it is empty. It closes a socket that does not take a message, or about BatchBytes of
// messages, within WriteTimeout: nothing can follow half a frame.
func (s *Socket) drain() {
	defer RecoverPanic(s.options.Log, "write to a socket", func() {
		s.Close(wire.Lost("Panic"))
		s.drop()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stopDraining()
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
				s.Close(wire.SlowConsumer)
			} else {
				s.Close(wire.Lost(fmt.Sprintf("Connection lost: %v", err)))
			}
			s.drop()
			s.mu.Lock()
			s.queue, s.queued = nil, 0
			s.mu.Unlock()
		}
	}
}

// takeQueued takes from the queue what is written next. An empty result means that draining has ended.
func (s *Socket) takeQueued(text []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < len(s.queue) && len(text) < BatchBytes {
		i := s.queue[n]
		if i.message == nil {
			text = append(text, i.text...)
		} else {
			text = s.append(text, i.op, i.message)
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
		s.stopDraining()
		return nil
	}
	deadline := time.Now().Add(s.options.WriteTimeout)
	if s.reason != nil {
		deadline = s.closeBy
	}
	_ = s.conn.SetWriteDeadline(deadline)
	return text
}

// stopDraining records that no goroutine writes the queue any more. The caller holds the lock.
func (s *Socket) stopDraining() {
	s.draining, s.queue, s.queued = false, nil, 0
	close(s.drained)
}

// AwaitDrained waits until the peer has taken everything that was sent; false means that ctx ended before.
func (s *Socket) AwaitDrained(ctx context.Context) bool {
	s.mu.Lock()
	draining, drained := s.draining, s.drained
	s.mu.Unlock()
	if draining {
		select {
		case <-drained:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}
