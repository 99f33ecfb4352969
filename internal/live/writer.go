package live

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
)

// writer writes what groups publish to the sockets; there is one for each core. It never waits for a socket: what the
// peer does not take goes into the socket's own queue.
type writer struct {
	log     *slog.Logger
	scratch *conn.Scratch

	mu   sync.Mutex
	due  []*shard
	wake chan struct{} // holds one signal
	end  chan struct{}
}

func newWriter(log *slog.Logger) *writer {
	return &writer{log: log, scratch: conn.NewScratch(), wake: make(chan struct{}, 1), end: make(chan struct{})}
}

// run serves shards until close is called.
func (w *writer) run() {
	for {
		select {
		case <-w.wake:
		case <-w.end:
			return
		}
		began := time.Now()
		served := w.takeDue()
		for _, s := range served {
			w.serve(s)
		}
		w.pause(served, time.Since(began))
	}
}

func (w *writer) takeDue() []*shard {
	w.mu.Lock()
	defer w.mu.Unlock()
	due := w.due
	w.due = nil
	return due
}

// A writer pauses after a round over the members that took at least pauseAfter, and pauses for at most pauseMax.
const (
	pauseAfter = 5 * time.Millisecond
	pauseMax   = 100 * time.Millisecond
)

// pause lets a burst, in which a group has published more while its members were written to, go on for as long as the
// round took: a write of ten events costs hardly more than a write of one, and the goroutines that make the events need
// the processor too. Events outside a burst are never delayed.
func (w *writer) pause(served []*shard, worked time.Duration) {
	if worked < pauseAfter || !slices.ContainsFunc(served, (*shard).hasMore) {
		return
	}
	select {
	case <-time.After(min(worked, pauseMax)):
	case <-w.end:
	}
}

func (w *writer) close() { close(w.end) }

// serve writes to each member everything that was published since the last time: in a burst the groups are ahead of the
// writers, and one write carries many events.
func (w *writer) serve(s *shard) {
	s.mu.Lock()
	joined, messages := s.joining, s.pending
	s.joining, s.pending, s.isDue = nil, nil, false
	s.mu.Unlock()

	stay := s.members[:0]
	for _, op := range s.members {
		if w.deliver(op, messages) {
			stay = append(stay, op)
		}
	}
	for _, j := range joined {
		if w.deliver(j.op, j.missed) && w.deliver(j.op, messages) {
			stay = append(stay, j.op)
		}
	}
	before := len(s.members) + len(joined)
	if len(stay) < len(s.members) {
		clear(s.members[len(stay):])
	}
	s.members = stay
	if cap(s.members) > 64 && len(s.members) < cap(s.members)/4 {
		s.members = slices.Clone(s.members)
	}
	w.scratch.Trim()
	s.mu.Lock()
	s.count -= before - len(stay)
	s.gone -= before - len(stay)
	s.mu.Unlock()
}

// deliver hands messages to a member's socket; false means that the operation is no member any more.
func (w *writer) deliver(op *operation, messages []*wire.Message) (stays bool) {
	defer conn.RecoverPanic(w.log, "deliver", func() { op.Socket.Close(wire.InternalError) })
	if op.Gone() {
		return false
	}
	for len(messages) > 0 {
		n, size := 1, len(messages[0].Data)
		for n < len(messages) && size < conn.BatchBytes {
			size += len(messages[n].Data)
			n++
		}
		if !op.Socket.Offer(&op.Operation, messages[:n], w.scratch) {
			op.fallBehind()
			return false
		}
		if messages[n-1].IsLast() {
			return false
		}
		messages = messages[n:]
	}
	return true
}
