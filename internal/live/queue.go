package live

import (
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

func (s *socket) enqueue(i item) {
	s.queue = append(s.queue, i)
	s.queued += i.size()
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
