package conn

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/closeloop/closeloop/internal/live/wire"
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
	active map[string]*Operation
	alive  int // those that run, with those that were completed by the client and have yet to notice
}

// operation is one that the client asked for. It is executed by a goroutine of its own, or, once it has joined a
// group, by that.
type Operation struct {
	// What a lane looks at for each event, together in memory.
	gone     atomic.Bool // nobody wants to hear of it any more
	Socket   *Socket
	prefix   []byte        // what each of its next messages begins with
	Position wire.Position // how far the member of a group has got; its lane's

	id     string
	of     *operations
	cancel func() // ends whatever executes it; guarded by operations.mu
}

var (
	ErrExists  = errors.New("the id is taken")
	ErrTooMany = errors.New("too many operations")
)

func newOperations(limit int) *operations { return &operations{max: limit} }

// Begin takes the id for an operation that has a goroutine; operation.end must follow. It fails with ErrExists or
// ErrTooMany.
func (s *Socket) Begin(op *Operation, id string) error {
	op.Socket, op.prefix = s, s.Codec.Prefix(id)
	return s.operations.begin(op, id)
}

// Stop is the client's complete. An id that is not active is ignored: its last message may be on its way
// (Protocol, Complete).
func (s *Socket) Stop(id string) { s.operations.stop(id) }

// begin takes the id.
func (o *operations) begin(op *Operation, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.active[id] != nil {
		return ErrExists
	}
	// The second bound is for clients that begin and complete faster than resolvers can end.
	if o.ended || len(o.active) >= o.max || o.alive >= 2*o.max {
		return ErrTooMany
	}
	op.id, op.of, op.cancel = id, o, func() {}
	if o.active == nil {
		o.active = map[string]*Operation{}
	}
	o.active[id] = op
	o.alive++
	o.running.Add(1)
	return nil
}

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

// WaitOperations returns when no operation of a closed socket has a goroutine any more.
func (s *Socket) WaitOperations() { s.operations.wait() }

// wait returns when no operation has a goroutine any more; end comes before.
func (o *operations) wait() { o.running.Wait() }

// Gone says whether the client does not want messages of the operation any more.
func (op *Operation) Gone() bool { return op.gone.Load() }

// Control says how to end whatever executes the operation from now on; false: it is gone.
func (op *Operation) Control(cancel func()) bool {
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	if op.gone.Load() {
		return false
	}
	op.cancel = cancel
	return true
}

// release frees the id, as the operation's last message is written; false: it was not the operation's any more.
func (op *Operation) release() bool {
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	if op.of.active[op.id] != op {
		return false
	}
	delete(op.of.active, op.id)
	op.gone.Store(true)
	return true
}

// End is called when the operation's goroutine ends. It does not free the id: the last message may be waiting to be
// written, and a group's member goes on.
func (op *Operation) End() {
	op.of.mu.Lock()
	op.of.alive--
	op.of.mu.Unlock()
	op.of.running.Done()
}

// Resume gives an operation a goroutine again; End must follow. False: nobody wants it any more.
func (op *Operation) Resume() bool {
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	if op.of.ended || op.gone.Load() {
		return false
	}
	op.of.alive++
	op.of.running.Add(1)
	return true
}
