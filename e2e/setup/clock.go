package setup

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Clock counts the seconds in which a server can work: after each second of wall time it asks the server, and counts the
// second once the server has answered. On a machine that is busy with other things the clock goes slower, as the server
// does, so that a test can say how soon the server must act.
type Clock struct{ seconds atomic.Int64 }

// StartClock starts a clock, which ends with the test.
func (s *Server) StartClock() *Clock {
	c := &Clock{}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
			if s.healthy(ctx) {
				c.seconds.Add(1)
			}
		}
	}()
	s.T.Cleanup(func() { stop(); <-ended })
	return c
}

// Seconds is the time of the clock.
func (c *Clock) Seconds() int { return int(c.seconds.Load()) }

func (s *Server) healthy(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/healthz", nil)
	if err != nil {
		panic(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusOK
}
