package live

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// retryRead is how long an operation waits at least before it reads the feed again after a failure.
const retryRead = time.Second

// turnTime is how long an excerpt is made before it ends early, so that its subscribers have what was made even if each event
// takes long, and others have their turn.
const turnTime = 250 * time.Millisecond

// catchUp brings a subscription that is behind to its group, excerpt by excerpt, at the pace of its peer.
func (s *Server) catchUp(r *run, op *operation, k key) {
	s.excerpts.enter()
	defer s.excerpts.leave()
	op.Position = r.stream.Position()
	for op.Socket.AwaitDrained(r.ctx) { // a group does not wait for a member, so an operation joins with an empty queue
		err := r.stream.replay().seek(op.Position)
		if err == nil {
			if s.groups.join(k, op, r) {
				return
			}
			err = s.advance(r, op, k)
		}
		if err != nil {
			op.Socket.Push(r.ctx, &op.Operation, r.fail(err))
			break
		}
	}
	r.cancel()
}

// advance writes to the peer what follows its position, as far as it takes it at once. An error ends the subscription.
func (s *Server) advance(r *run, op *operation, k key) error {
	if r.stream.Newest() {
		// A new epoch has begun, and the group that could not be joined is about to end. Wait for it outside the queue.
		_, err := r.stream.fetch(r.ctx)
		return err
	}
	e := s.excerpts.next(r, k, op.Position)
	switch {
	case e == nil:
	case e.err != nil:
		select {
		case <-time.After(retryRead + rand.N(retryRead)):
		case <-r.ctx.Done():
		}
	case !s.send(r, op, e):
		op.Socket.Push(r.ctx, &op.Operation, e.last)
		r.cancel()
	}
	return nil
}

// send writes an excerpt to the peer. It stops where the peer takes no more, or where the excerpt is outdated. False means
// that only the excerpt's last message is left.
func (s *Server) send(r *run, op *operation, e *excerpt) bool {
	for {
		next := e.behind(op.Position)
		messages := e.messages[next:]
		if len(messages) == 0 {
			if op.Position.Offset < e.to.Offset {
				op.Position = *e.to
			}
			return e.last == nil
		}
		var shown, written int
		var wanted bool
		if !s.pens.use(r.ctx, func(p *pen) {
			shown = e.shown(next, r.stream.Revision())
			written, wanted = p.write(op, messages[:shown])
		}) {
			return true
		}
		switch {
		case !wanted:
			<-r.ctx.Done()
			return true
		case shown == 0:
			s.excerpts.forget(e)
			return true
		case written == 0:
			return true
		}
	}
}

// shown counts the messages, from the first on, that may be shown at a revision of the feed.
func (e *excerpt) shown(first int, revision int64) int {
	if e.revision != revision {
		return 0
	}
	i := slices.IndexFunc(e.stillShown[first:], func(still func() bool) bool { return still != nil && !still() })
	if i < 0 {
		return len(e.messages) - first
	}
	return i
}

// make reads the values from the excerpt's beginning on and executes the selection for each. settle is told where they end,
// and returns where the excerpt is to end. An excerpt that is not to be kept is only for those who wait for it already.
func (r *run) make(e *excerpt, settle func(to Position) Position) (end *Position, keep bool) {
	replay := r.stream.replay()
	err := replay.seek(e.from) // the run may be further, if it makes the excerpt in place of a run that has left
	n := 0
	if err == nil {
		n, err = replay.read(r.ctx)
	}
	switch {
	case r.ctx.Err() != nil:
		return nil, false
	case errors.Is(err, ErrUnavailable):
		e.err = err
		return nil, false
	case err != nil:
		e.last = r.fail(err)
		return &e.from, false
	}
	to, done, began := settle(r.stream.Position()), e.from, time.Now()
	var messages []*wire.Message
	var stillShown []func() bool
	for i := range n {
		if replay.positionAt(i).Offset > to.Offset {
			break
		}
		still := replay.stillShown(i)
		if r.stream.outdated(i) {
			to = done
			break
		}
		position := r.stream.put(i)
		m := r.respond()
		if r.ctx.Err() != nil { // the message may say no more than that
			to = done
			break
		}
		done = position
		if m.IsLast() {
			e.last, to = m, done
			break
		}
		m.Position = position
		messages, stillShown = append(messages, m), append(stillShown, still)
		e.bytes += m.Size()
		if r.incomplete || i+1 < n && time.Since(began) >= turnTime {
			to = done
			break
		}
		runtime.Gosched() // who has little to do goes first
	}
	if r.ctx.Err() != nil && to == e.from {
		return nil, false
	}
	e.messages, e.stillShown = messages, stillShown
	return &to, e.last == nil && !r.incomplete && to != e.from
}
