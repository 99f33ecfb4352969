package live

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
)

// lane is one of a few writers, about one for each core, that write to the sockets what groups say. It never waits for
// a socket: what the peer does not take is left to the socket's own queue.
type writer struct {
	log     *slog.Logger
	scratch *conn.Scratch

	mu   sync.Mutex
	due  []*shard
	wake chan struct{} // holds one
	end  chan struct{}
}

func newWriter(log *slog.Logger) *writer {
	return &writer{log: log, scratch: conn.NewScratch(), wake: make(chan struct{}, 1), end: make(chan struct{})}
}

// part is a group's members on one lane.
type shard struct {
	writer  *writer
	members []*operation // of the lane's goroutine alone

	mu      sync.Mutex
	count   int // of members and joining
	gone    int // how many of them have left and are still there
	joining []joining
	pending []*wire.Message // what was said since the lane last looked
	isDue   bool
}

type joining struct {
	op     *operation
	missed []*wire.Message // what the group has said since the place that the operation had come to
}

func (p *shard) join(op *operation, missed []*wire.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	p.joining = append(p.joining, joining{op, missed})
	p.look()
}

func (p *shard) left() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone++
	if p.gone > 32 && 2*p.gone > p.count {
		p.look() // sweep
	}
}

func (p *shard) publish(e *wire.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count > p.gone {
		p.pending = append(p.pending, e)
		p.look()
	}
}

func (p *shard) hasMore() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending) > 0
}

// look puts the part in its lane's queue, once. The caller holds the part's lock.
func (p *shard) look() {
	if p.isDue {
		return
	}
	p.isDue = true
	p.writer.mu.Lock()
	p.writer.due = append(p.writer.due, p)
	p.writer.mu.Unlock()
	select {
	case p.writer.wake <- struct{}{}:
	default:
	}
}

// run writes until close is called.
func (l *writer) run() {
	for {
		select {
		case <-l.wake:
		case <-l.end:
			return
		}
		began := time.Now()
		served := l.takeDue()
		for _, p := range served {
			l.serve(p)
		}
		l.rest(served, time.Since(began))
	}
}

func (l *writer) takeDue() []*shard {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := l.due
	l.due = nil
	return due
}

// What a round over the members must take for a rest to be worth it, and the longest rest.
const (
	restAfter = 5 * time.Millisecond
	restMost  = 100 * time.Millisecond
)

// rest gives a burst, in which a group has said more while its members were written to, as long again to go on: a write
// costs hardly more for ten events than for one, and what they are made by needs the processor too. Events that come
// apart are never held up.
func (l *writer) rest(served []*shard, worked time.Duration) {
	if worked < restAfter || !slices.ContainsFunc(served, (*shard).hasMore) {
		return
	}
	select {
	case <-time.After(min(worked, restMost)):
	case <-l.end:
	}
}

func (l *writer) close() { close(l.end) }

// serve writes to each member all that was said since the last time, together: in a burst the groups are ahead of the
// lanes, and one write carries many events.
func (l *writer) serve(p *shard) {
	p.mu.Lock()
	came, said := p.joining, p.pending
	p.joining, p.pending, p.isDue = nil, nil, false
	p.mu.Unlock()

	stay := p.members[:0]
	for _, op := range p.members {
		if l.deliver(op, said) {
			stay = append(stay, op)
		}
	}
	for _, j := range came {
		if l.deliver(j.op, j.missed) && l.deliver(j.op, said) {
			stay = append(stay, j.op)
		}
	}
	before := len(p.members) + len(came)
	if len(stay) < len(p.members) {
		clear(p.members[len(stay):])
	}
	p.members = stay
	if cap(p.members) > 64 && len(p.members) < cap(p.members)/4 {
		p.members = slices.Clone(p.members)
	}
	l.scratch.Trim()
	p.mu.Lock()
	p.count -= before - len(stay)
	p.gone -= before - len(stay)
	p.mu.Unlock()
}

// deliver hands entries to a member's socket; false: it is no member any more.
func (l *writer) deliver(op *operation, es []*wire.Message) (stays bool) {
	defer conn.RecoverPanic(l.log, "deliver", func() { op.Socket.Close(wire.InternalError) })
	if op.Gone() {
		return false
	}
	for len(es) > 0 {
		n, size := 1, len(es[0].Data)
		for n < len(es) && size < conn.BatchBytes {
			size += len(es[n].Data)
			n++
		}
		if !op.Socket.Offer(&op.Operation, es[:n], l.scratch) {
			op.fallBehind()
			return false
		}
		if es[n-1].IsLast() {
			return false
		}
		es = es[n:]
	}
	return true
}
