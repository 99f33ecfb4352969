package live

import (
	"sync"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// shard is the members of a group that one writer serves.
type shard struct {
	writer  *writer
	members []*operation // only the writer's goroutine touches it

	mu      sync.Mutex
	count   int // of members and joining operations
	gone    int // how many of count have left and are not removed yet
	joining []joining
	pending []*wire.Message // published since the writer last served the shard
	isDue   bool
}

type joining struct {
	op     *operation
	missed []*wire.Message // what the group has published since the operation's position
}

func (s *shard) join(op *operation, missed []*wire.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	s.joining = append(s.joining, joining{op, missed})
	s.schedule()
}

func (s *shard) left() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone++
	if s.gone > 32 && 2*s.gone > s.count {
		s.schedule() // serving the shard removes them
	}
}

func (s *shard) publish(m *wire.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count > s.gone {
		s.pending = append(s.pending, m)
		s.schedule()
	}
}

func (s *shard) hasMore() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending) > 0
}

// schedule puts the shard into its writer's queue, at most once at a time. The caller holds the shard's lock.
func (s *shard) schedule() {
	if s.isDue {
		return
	}
	s.isDue = true
	s.writer.mu.Lock()
	s.writer.due = append(s.writer.due, s)
	s.writer.mu.Unlock()
	select {
	case s.writer.wake <- struct{}{}:
	default:
	}
}
