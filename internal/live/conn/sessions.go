package conn

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// askTimeout bounds one call of the function ended. The next call waits for it.
const askTimeout = 5 * time.Second

// Ended returns those of the keys whose sessions have ended, and those whose token is still valid but has other rights.
type Ended func(ctx context.Context, keys []string) (ended, changed []string, err error)

// reconnectWithin spreads the peers of sessions with other rights.
const reconnectWithin = time.Second

// Sessions holds the signed-in sockets by their sessions' keys and closes those whose session has ended.
type Sessions struct {
	ended    Ended
	interval time.Duration
	max      int // sockets of one key
	log      *slog.Logger

	mu      sync.Mutex
	sockets map[string]map[*Socket]struct{}
}

// NewSessions returns a Sessions without sockets. Run calls ended once in an interval with all keys, and ended returns
// those that are over (nil: no session ends this way). A key may have limit sockets at a time.
func NewSessions(log *slog.Logger, ended Ended, interval time.Duration, limit int) *Sessions {
	return &Sessions{ended: ended, interval: interval, max: limit, log: log, sockets: map[string]map[*Socket]struct{}{}}
}

// Join adds a socket; false means that its key has too many sockets. A socket without a key is not kept.
func (s *Sessions) Join(key string, socket *Socket) bool {
	if key == "" {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sockets[key]) >= s.max {
		return false
	}
	if s.sockets[key] == nil {
		s.sockets[key] = map[*Socket]struct{}{}
	}
	s.sockets[key][socket] = struct{}{}
	return true
}

// Leave removes a socket.
func (s *Sessions) Leave(key string, socket *Socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets[key], socket)
	if len(s.sockets[key]) == 0 {
		delete(s.sockets, key)
	}
}

// Run closes the sockets of ended sessions until ctx is done.
func (s *Sessions) Run(ctx context.Context) {
	if s.ended == nil {
		return
	}
	tick := time.NewTicker(s.interval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.ask(ctx)
		if (err != nil) != failing && ctx.Err() == nil { // one line for an outage, not one in each interval
			failing = err != nil
			if failing {
				s.log.Error("cannot check which sessions have ended; all sessions continue", "error", err)
			} else {
				s.log.Info("can check again which sessions have ended")
			}
		}
	}
}

func (s *Sessions) ask(ctx context.Context) (err error) {
	defer RecoverPanic(s.log, "check which sessions have ended", func() { err = errors.New("panic while checking sessions") })
	s.mu.Lock()
	keys := slices.Collect(maps.Keys(s.sockets))
	s.mu.Unlock()
	if len(keys) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	ended, changed, err := s.ended(ctx, keys)
	if err != nil {
		return err
	}
	for _, socket := range s.of(ended) {
		socket.Close(wire.Forbidden)
	}
	for _, socket := range s.of(changed) {
		socket.Close(wire.RightsChanged(rand.N(reconnectWithin)))
	}
	return nil
}

func (s *Sessions) of(keys []string) (sockets []*Socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		sockets = slices.AppendSeq(sockets, maps.Keys(s.sockets[key]))
	}
	return sockets
}
