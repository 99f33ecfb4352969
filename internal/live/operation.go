package live

import (
	"errors"
	"sync"
	"sync/atomic"
)

// operations are what runs on one socket. An id is taken from its subscribe until the client completes it
// or the operation's last message is about to be written: not later, for the client may use the id
// again as soon as it has that message; and not earlier, for then a new operation could be ended in the
// eyes of the client by the last message of the old one.
type operations struct {
	max     int
	running sync.WaitGroup // goroutines

	mu     sync.Mutex
	ended  bool
	active map[string]*operation
	alive  int // those that run, with those that were completed by the client and have yet to notice
}

// operation is one that the client asked for. It is executed by a goroutine of its own, or, once it has joined a
// group, by that.
type operation struct {
	// What a lane looks at for each event, together in memory.
	gone   atomic.Bool // nobody wants to hear of it any more
	socket *socket
	head   []byte // what each of its next messages begins with
	at     Place  // how far the member of a group has got; its lane's

	id     string
	conn   *connection
	of     *operations
	cancel func() // ends whatever executes it; guarded by operations.mu
	group  *group // guarded by groups.mu
}

var (
	errExists  = errors.New("the id is taken")
	errTooMany = errors.New("too many operations")
)

func newOperations(limit int) *operations { return &operations{max: limit} }

// begin takes the id for an operation that has a goroutine; operation.end must follow. It fails with errExists or
// errTooMany.
func (o *operations) begin(id string) (*operation, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.active[id] != nil {
		return nil, errExists
	}
	// The second bound is for clients that begin and complete faster than resolvers can end.
	if o.ended || len(o.active) >= o.max || o.alive >= 2*o.max {
		return nil, errTooMany
	}
	op := &operation{id: id, of: o, cancel: func() {}}
	if o.active == nil {
		o.active = map[string]*operation{}
	}
	o.active[id] = op
	o.alive++
	o.running.Add(1)
	return op, nil
}

// stop is the client's complete. An id that is not active is ignored: its last message may be on its way
// (Protocol, Complete).
func (o *operations) stop(id string) {
	o.mu.Lock()
	op := o.active[id]
	delete(o.active, id)
	if op == nil {
		o.mu.Unlock()
		return
	}
	op.gone.Store(true)
	cancel := op.cancel
	o.mu.Unlock()
	cancel()
}

// end stops all, when the socket closes; none may begin any more.
func (o *operations) end() {
	o.mu.Lock()
	var cancels []func()
	for _, op := range o.active {
		op.gone.Store(true)
		cancels = append(cancels, op.cancel)
	}
	o.ended, o.active = true, nil
	o.mu.Unlock()
	for _, cancel := range cancels {
		cancel()
	}
}

// wait returns when no operation has a goroutine any more; end comes before.
func (o *operations) wait() { o.running.Wait() }

// isGone says whether the client does not want messages of the operation any more.
func (op *operation) isGone() bool { return op.gone.Load() }

// control says how to end whatever executes the operation from now on; false: it is gone.
func (op *operation) control(cancel func()) bool {
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	if op.gone.Load() {
		return false
	}
	op.cancel = cancel
	return true
}

// release frees the id, as the operation's last message is written; false: it was not the operation's any more.
func (op *operation) release() bool {
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	if op.of.active[op.id] != op {
		return false
	}
	delete(op.of.active, op.id)
	op.gone.Store(true)
	return true
}

// end is called when the operation's goroutine ends. It does not free the id: the last message may be waiting to be
// written, and a group's member goes on.
func (op *operation) end() {
	op.of.mu.Lock()
	op.of.alive--
	op.of.mu.Unlock()
	op.of.running.Done()
}

// fallBehind takes the operation out of its group: its peer has not taken what was queued. It reads on by itself from
// the place that it has got to, at its peer's pace, and joins again.
func (op *operation) fallBehind() {
	g := op.conn.server.groups.leave(op)
	if g == nil {
		return
	}
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	if op.of.ended || op.gone.Load() {
		return
	}
	op.of.alive++
	op.of.running.Add(1)
	after := op.at.Cursor
	go op.conn.run(op, g.run.params, &after)
}
