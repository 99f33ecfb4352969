package live

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
)

// run executes the operation and pushes what comes of it, at the pace at which the peer takes it: next messages, then
// complete or error. A subscription of a feed leaves this goroutine for its group as soon as it has caught up with it.
func (c *connection) run(op *operation, params *graphql.RawParams, after *string) {
	defer op.End()
	defer conn.RecoverPanic(c.server.options.Log, "run an operation", func() { c.socket.Close(wire.InternalError) })
	r := newRun(c.exec, params, *c.session, after, c.server.options.Log)
	r.header, r.readOnly = c.header, c.readOnly
	if !op.Control(r.cancel) {
		r.cancel()
		return
	}
	// Who fell behind does not begin again before the peer has taken what there was.
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
		c.server.catchUp(r, op)
		return
	}
	defer r.cancel()
	for {
		e := r.respond()
		if !c.socket.Push(r.ctx, &op.Operation, e) || e.IsLast() {
			return
		}
	}
}

// catchUp executes a subscription for this one subscriber, until it can join the others.
func (s *Server) catchUp(r *run, op *operation) {
	k, ok := r.key()
	for {
		// What a group says is not held back for a member: so it joins with nothing queued.
		if !op.Socket.AwaitDrained(r.ctx) {
			r.cancel()
			return
		}
		if ok && s.groups.join(k, op, r) {
			return
		}
		n, err := r.stream.fetch(r.ctx)
		for i := range n {
			if r.stream.outdated(i) {
				break
			}
			place := r.stream.put(i)
			e := r.respond()
			e.Position = place
			if !op.Socket.Push(r.ctx, &op.Operation, e) || e.IsLast() {
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
