package live

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// askTimeout bounds one question to Options.Ended; meanwhile no other is asked.
const askTimeout = 5 * time.Second

// watch knows the signed-in sockets by their sessions' keys, and closes those whose session is over.
type watch struct {
	ended func(ctx context.Context, keys []string) ([]string, error)
	every time.Duration
	max   int // sockets of one key
	log   *slog.Logger

	mu      sync.Mutex
	sockets map[string]map[*socket]struct{}
}

func newWatch(o Options) *watch {
	return &watch{
		ended:   o.Ended,
		every:   o.CheckInterval,
		max:     o.MaxSocketsPerToken,
		log:     o.Log,
		sockets: map[string]map[*socket]struct{}{},
	}
}

// join lets a socket in; false: its key has too many.
func (w *watch) join(key string, s *socket) bool {
	if key == "" {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sockets[key]) >= w.max {
		return false
	}
	if w.sockets[key] == nil {
		w.sockets[key] = map[*socket]struct{}{}
	}
	w.sockets[key][s] = struct{}{}
	return true
}

func (w *watch) leave(key string, s *socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sockets[key], s)
	if len(w.sockets[key]) == 0 {
		delete(w.sockets, key)
	}
}

// run asks until ctx is done.
func (w *watch) run(ctx context.Context) {
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

func (w *watch) ask(ctx context.Context) (err error) {
	defer survive(w.log, "ask which sessions are over", func() { err = errors.New("panic") })
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
	var closing []*socket
	w.mu.Lock()
	for _, key := range over {
		closing = slices.AppendSeq(closing, maps.Keys(w.sockets[key]))
	}
	w.mu.Unlock()
	for _, s := range closing {
		s.close(forbidden)
	}
	return nil
}
