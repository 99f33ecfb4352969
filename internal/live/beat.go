package live

import (
	"context"
	"maps"
	"slices"
	"time"
)

// beats is how many times in Options.PingInterval some of the sockets are pinged, each of them once.
const beats = 16

// beat pings until ctx is done.
func (s *Server) beat(ctx context.Context) {
	tick := time.NewTicker(max(s.options.PingInterval/beats, time.Millisecond))
	defer tick.Stop()
	for i := 0; ; i = (i + 1) % beats {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		some := slices.Collect(maps.Keys(s.beats[i]))
		s.mu.Unlock()
		for _, sock := range some {
			s.ping(sock)
		}
	}
}

func (s *Server) ping(sock *socket) {
	defer survive(s.options.Log, "ping", func() { sock.close(internalError) })
	sock.beat()
}
