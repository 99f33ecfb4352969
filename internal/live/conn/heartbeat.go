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

// beats is how many times in Options.PingInterval some of the sockets are pinged, each of them once.
const beats = 16

// Heartbeat knows all open sockets and pings them.
type Heartbeat struct {
	log   *slog.Logger
	every time.Duration

	mu    sync.Mutex
	count int // of all sockets that there have been
	beats [beats]map[*Socket]struct{}
}

// NewHeartbeat returns a heartbeat that pings each socket once in an interval.
func NewHeartbeat(log *slog.Logger, interval time.Duration) *Heartbeat {
	h := &Heartbeat{log: log, every: max(interval/beats, time.Millisecond)}
	for i := range h.beats {
		h.beats[i] = map[*Socket]struct{}{}
	}
	return h
}

// Add has a socket pinged from now on.
func (h *Heartbeat) Add(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	s.slot = h.count % beats
	h.beats[s.slot][s] = struct{}{}
}

// Remove ends what Add began.
func (h *Heartbeat) Remove(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.beats[s.slot], s)
}

// Sockets returns all that were added and not removed.
func (h *Heartbeat) Sockets() (sockets []*Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, some := range h.beats {
		sockets = slices.AppendSeq(sockets, maps.Keys(some))
	}
	return sockets
}

// Run pings until ctx is done.
func (h *Heartbeat) Run(ctx context.Context) {
	tick := time.NewTicker(h.every)
	defer tick.Stop()
	for i := 0; ; i = (i + 1) % beats {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		h.mu.Lock()
		some := slices.Collect(maps.Keys(h.beats[i]))
		h.mu.Unlock()
		for _, sock := range some {
			h.ping(sock)
		}
	}
}

func (h *Heartbeat) ping(sock *Socket) {
	defer RecoverPanic(h.log, "ping", func() { sock.Close(wire.InternalError) })
	sock.heartbeat()
}
