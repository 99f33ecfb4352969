package conn

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// slots are the parts of an interval. The sockets are divided among them, so that the pings are spread over the interval.
const slots = 16

// Heartbeat holds the open sockets and pings each of them once in an interval.
type Heartbeat struct {
	log  *slog.Logger
	tick time.Duration // an interval's part

	mu    sync.Mutex
	count int // of all sockets that were ever added
	slots [slots]map[*Socket]struct{}
}

// NewHeartbeat returns a heartbeat without sockets. Run makes it beat.
func NewHeartbeat(log *slog.Logger, interval time.Duration) *Heartbeat {
	h := &Heartbeat{log: log, tick: max(interval/slots, time.Millisecond)}
	for i := range h.slots {
		h.slots[i] = map[*Socket]struct{}{}
	}
	return h
}

// Add begins to ping a socket.
func (h *Heartbeat) Add(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	s.slot = h.count % slots
	h.slots[s.slot][s] = struct{}{}
}

// Remove stops pinging a socket.
func (h *Heartbeat) Remove(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.slots[s.slot], s)
}

// Sockets returns the sockets that were added and not removed.
func (h *Heartbeat) Sockets() (sockets []*Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, some := range h.slots {
		sockets = slices.AppendSeq(sockets, maps.Keys(some))
	}
	return sockets
}

// Run pings the sockets until ctx is done.
func (h *Heartbeat) Run(ctx context.Context) {
	ticker := time.NewTicker(h.tick)
	defer ticker.Stop()
	for i := 0; ; i = (i + 1) % slots {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		h.mu.Lock()
		due := slices.Collect(maps.Keys(h.slots[i]))
		h.mu.Unlock()
		for _, sock := range due {
			h.ping(sock)
		}
	}
}

func (h *Heartbeat) ping(sock *Socket) {
	defer RecoverPanic(h.log, "ping", func() { sock.Close(wire.InternalError) })
	sock.heartbeat()
}
