package live

import (
	"context"
	"errors"
	"sync"
)

// operations are what runs on one socket. An id is taken from its subscribe until the client completes it
// or the writer is about to send the operation's last message: not later, for the client may use the id
// again as soon as it has that message; and not earlier, for then a new operation could be ended in the
// eyes of the client by the last message of the old one.
type operations struct {
	max     int
	running sync.WaitGroup

	mu     sync.Mutex
	active map[string]*operation
	alive  int // those that run, with those that were completed by the client and have yet to notice
}

type operation struct {
	id     string
	of     *operations
	cancel context.CancelFunc
}

var (
	errExists  = errors.New("the id is taken")
	errTooMany = errors.New("too many operations")
)

func newOperations(limit int) *operations {
	return &operations{max: limit, active: map[string]*operation{}}
}

// begin takes the id; operation.end must follow. It fails with errExists or errTooMany.
func (o *operations) begin(id string, cancel context.CancelFunc) (*operation, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.active[id] != nil {
		return nil, errExists
	}
	// The second bound is for clients that begin and complete faster than resolvers can end.
	if len(o.active) >= o.max || o.alive >= 2*o.max {
		return nil, errTooMany
	}
	op := &operation{id: id, of: o, cancel: cancel}
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
	o.mu.Unlock()
	if op != nil {
		op.cancel()
	}
}

// wait returns when all operations have ended. None may begin any more.
func (o *operations) wait() { o.running.Wait() }

// isActive says whether the client still wants messages of the operation.
func (op *operation) isActive() bool {
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	return op.of.active[op.id] == op
}

// release frees the id; false: it was not the operation's any more.
func (op *operation) release() bool {
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	if op.of.active[op.id] != op {
		return false
	}
	delete(op.of.active, op.id)
	return true
}

// end is called when nothing of the operation runs any more. It does not free the id where its last
// message is with the writer.
func (op *operation) end() {
	op.cancel()
	op.of.mu.Lock()
	op.of.alive--
	op.of.mu.Unlock()
	op.of.running.Done()
}
