//go:build unix

package cluster

import (
	"context"
	"strings"
	"time"
)

// start removes what an earlier server left, starts a server and waits until it answers. It retries
// for a while when the last processes of a killed server still use the shared memory.
func (c *Cluster) start(ctx context.Context) (*server, error) {
	for began := time.Now(); ; {
		if err := c.removeLeftovers(ctx); err != nil {
			return nil, err
		}
		s, err := c.fork()
		if err != nil {
			return nil, err
		}
		if err = c.waitUntilReady(ctx, s); err == nil {
			return s, nil
		}
		c.shutDown(s)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !strings.Contains(err.Error(), "shared memory block") || time.Since(began) > leftoverTimeout {
			return nil, err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// supervise restarts the server whenever it ends unexpectedly, until Stop.
func (c *Cluster) supervise(s *server) {
	defer close(c.stopped)
	defer c.thread.finish()
	defer c.removeSocket()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		select {
		case <-c.stop:
			c.err = c.shutDown(s)
			return
		case <-s.ended:
		}
		c.log.Warn("PostgreSQL ended unexpectedly; restarting it", "folder", c.folder, "how", s.err)
		if s = c.restart(ctx); s == nil {
			return
		}
		c.log.Info("PostgreSQL answers again", "folder", c.folder)
		if c.restarted != nil {
			c.restarted()
		}
	}
}

// restart tries to start the server until it succeeds; it returns nil when the cluster was stopped
// meanwhile.
func (c *Cluster) restart(parent context.Context) *server {
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
				c.err = c.shutDown(r.server)
			}
			return nil
		}
		if r.err == nil {
			return r.server
		}
		c.log.Error("cannot restart PostgreSQL; trying again", "error", r.err, "in", wait)
		select {
		case <-c.stop:
			return nil
		case <-time.After(wait):
		}
	}
}
