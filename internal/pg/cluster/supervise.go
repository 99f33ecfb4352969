//go:build unix

package cluster

import (
	"context"
	"strings"
	"time"
)

// start clears what an earlier server left, starts one and waits until it answers. Shared memory
// that the last processes of a killed server still hold is tried again for a while.
func (c *Cluster) start(ctx context.Context) (*server, error) {
	for began := time.Now(); ; {
		if err := c.clear(ctx); err != nil {
			return nil, err
		}
		s, err := c.fork()
		if err != nil {
			return nil, err
		}
		if err = c.await(ctx, s); err == nil {
			return s, nil
		}
		c.end(s)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !strings.Contains(err.Error(), "shared memory block") || time.Since(began) > patience {
			return nil, err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// supervise starts the server again whenever it ends by itself, until Stop.
func (c *Cluster) supervise(s *server) {
	defer close(c.stopped)
	defer c.thread.finish()
	defer c.removeSocket()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		select {
		case <-c.stop:
			c.err = c.end(s)
			return
		case <-s.ended:
		}
		c.log.Warn("PostgreSQL ended by itself; starting it again", "folder", c.folder, "how", s.err)
		if s = c.revive(ctx); s == nil {
			return
		}
		c.log.Info("PostgreSQL answers again", "folder", c.folder)
		if c.restarted != nil {
			c.restarted()
		}
	}
}

// revive tries to start the server until it succeeds; nil when the cluster was stopped meanwhile.
func (c *Cluster) revive(parent context.Context) *server {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	type result struct {
		server *server
		err    error
	}
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		done := make(chan result, 1)
		go func() {
			s, err := c.start(ctx)
			done <- result{s, err}
		}()
		var r result
		select {
		case r = <-done:
		case <-c.stop:
			cancel()
			if r = <-done; r.server != nil {
				c.err = c.end(r.server)
			}
			return nil
		}
		if r.err == nil {
			return r.server
		}
		c.log.Error("cannot start PostgreSQL again; trying on", "error", r.err, "in", wait)
		select {
		case <-c.stop:
			return nil
		case <-time.After(wait):
		}
	}
}
