package live

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
)

// run executes the operation and pushes its results at the pace at which the peer takes them: next messages, then
// complete or error. A subscription to a feed leaves this goroutine as soon as it has caught up with its group.
func (c *connection) run(op *operation, params *graphql.RawParams, after *string) {
	defer op.End()
	defer conn.RecoverPanic(c.server.options.Log, "run an operation", func() { c.socket.Close(wire.InternalError) })
	r := newRun(c.exec, params, *c.session, after, c.server.options.Log)
	r.header, r.readOnly = c.header, c.readOnly
	if !op.Control(r.cancel) {
		r.cancel()
		return
	}
	// An operation that fell behind begins again only after the peer has taken what was queued.
	if after != nil && !c.socket.AwaitDrained(r.ctx) {
		r.cancel()
		return
	}
	if last := r.prepare(); last != nil {
		c.socket.Push(r.ctx, &op.Operation, last)
		r.cancel()
		return
	}
	if r.stream != nil {
		c.server.follow(r, op)
		return
	}
	defer r.cancel()
	for {
		m := r.respond()
		if !c.push(r, op, m) || m.IsLast() {
			return
		}
	}
}

// largeAnswer is the size in bytes from which an answer counts among those that their peers have not taken (Options.Hold).
const largeAnswer = 16 << 10

// push writes an answer and waits until the peer has taken it, if it is a large one.
func (c *connection) push(r *run, op *operation, m *wire.Message) bool {
	if m.Size() < largeAnswer {
		return c.socket.Push(r.ctx, &op.Operation, m)
	}
	defer c.server.options.Hold(r.session.Key, m.Size(), func() { c.socket.Close(wire.SlowConsumer) })()
	return c.socket.Push(r.ctx, &op.Operation, m) && c.socket.AwaitDrained(r.ctx)
}

// follow brings a subscription to the point where it can join its group.
func (s *Server) follow(r *run, op *operation) {
	k, ok := r.key()
	if ok && r.stream.replay() != nil {
		s.catchUp(r, op, k)
		return
	}
	s.followAlone(r, op, k, ok)
}

// followAlone executes a subscription, whose feed cannot be replayed or that is like no other, for one subscriber until it
// can join its group.
func (s *Server) followAlone(r *run, op *operation, k key, joins bool) {
	for {
		// A group does not wait for a member, so an operation joins with an empty queue.
		if !op.Socket.AwaitDrained(r.ctx) {
			r.cancel()
			return
		}
		if joins && s.groups.join(k, op, r) {
			return
		}
		n, err := r.stream.fetch(r.ctx)
		for i := range n {
			if r.stream.outdated(i) {
				break
			}
			position := r.stream.put(i)
			m := r.respond()
			m.Position = position
			if !op.Socket.Push(r.ctx, &op.Operation, m) || m.IsLast() {
				r.cancel()
				return
			}
		}
		if err != nil {
			if r.ctx.Err() == nil {
				op.Socket.Push(r.ctx, &op.Operation, r.fail(err))
			}
			r.cancel()
			return
		}
	}
}
