package conn

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// askTimeout bounds one question to Options.Ended; meanwhile no other is asked.
const askTimeout = 5 * time.Second

// Sessions knows the signed-in sockets by their sessions' keys, and closes those whose session is over.
type Sessions struct {
	ended func(ctx context.Context, keys []string) ([]string, error)
	every time.Duration
	max   int // sockets of one key
	log   *slog.Logger

	mu      sync.Mutex
	sockets map[string]map[*Socket]struct{}
}

// NewSessions returns the sessions of no socket. ended is asked every interval which of the keys are over, see
// live.Options; nil: none ever is. limit is how many sockets one key has.
func NewSessions(log *slog.Logger, ended func(ctx context.Context, keys []string) ([]string, error), interval time.Duration, limit int) *Sessions {
	return &Sessions{ended: ended, every: interval, max: limit, log: log, sockets: map[string]map[*Socket]struct{}{}}
}

// Join lets a socket in; false: its key has too many.
func (w *Sessions) Join(key string, s *Socket) bool {
	if key == "" {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sockets[key]) >= w.max {
		return false
	}
	if w.sockets[key] == nil {
		w.sockets[key] = map[*Socket]struct{}{}
	}
	w.sockets[key][s] = struct{}{}
	return true
}

func (w *Sessions) Leave(key string, s *Socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sockets[key], s)
	if len(w.sockets[key]) == 0 {
		delete(w.sockets, key)
	}
}

// Run asks until ctx is done.
func (w *Sessions) Run(ctx context.Context) {
	if w.ended == nil {
		return
	}
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := w.ask(ctx)
		if (err != nil) != failing && ctx.Err() == nil { // one line for an outage, not one a second
			failing = err != nil
			if failing {
				w.log.Error("cannot tell which sessions are over; they go on", "error", err)
			} else {
				w.log.Info("can tell again which sessions are over")
			}
		}
	}
}

func (w *Sessions) ask(ctx context.Context) (err error) {
	defer RecoverPanic(w.log, "ask which sessions are over", func() { err = errors.New("panic") })
	w.mu.Lock()
	keys := slices.Collect(maps.Keys(w.sockets))
	w.mu.Unlock()
	if len(keys) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	over, err := w.ended(ctx, keys)
	if err != nil {
		return err
	}
	var closing []*Socket
	w.mu.Lock()
	for _, key := range over {
		closing = slices.AppendSeq(closing, maps.Keys(w.sockets[key]))
	}
	w.mu.Unlock()
	for _, s := range closing {
		s.Close(wire.Forbidden)
	}
	return nil
}
