package conn

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// operations are the operations of one socket. An id is taken from its subscribe message until the client completes the
// operation or the operation's last message is about to be written. It is not freed later, because the client may use
// the id again as soon as it has the last message. It is not freed earlier, because the client would then take the last
// message of the old operation for the end of a new one.
type operations struct {
	max     int
	running sync.WaitGroup // the operations' goroutines

	mu     sync.Mutex
	ended  bool
	active map[string]*Operation
	alive  int // operations with a goroutine, including those that the client completed and that have not ended yet
}

// Operation is an operation that the client asked for: a query, a mutation or a subscription.
type Operation struct {
	// The fields that a writer reads for each event, together in memory.
	gone     atomic.Bool // the client does not want messages of the operation any more
	Socket   *Socket
	prefix   []byte        // Codec.Prefix
	Position wire.Position // how far a member of a group has got; after joining, only its writer touches it

	id     string
	of     *operations
	cancel func() // ends the execution; guarded by operations.mu
}

// Errors of Begin.
var (
	ErrExists  = errors.New("the id is taken")
	ErrTooMany = errors.New("too many operations")
)

func newOperations(limit int) *operations { return &operations{max: limit} }

// Begin takes the id for an operation that has a goroutine; Operation.End must follow. It fails with ErrExists or
// ErrTooMany.
func (s *Socket) Begin(op *Operation, id string) error {
	op.Socket, op.prefix = s, s.Codec.Prefix(id)
	return s.operations.begin(op, id)
}

// Stop ends the operation that the client completes. It ignores an id that is not active, because the operation's last
// message may be on its way (Protocol, Complete).
func (s *Socket) Stop(id string) { s.operations.stop(id) }

func (o *operations) begin(op *Operation, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.active[id] != nil {
		return ErrExists
	}
	// The second limit is for clients that begin and complete operations faster than resolvers can end.
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

// end stops all operations when the socket closes. None may begin after it.
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

// WaitOperations returns when no operation of the socket has a goroutine any more. Finish comes before it.
func (s *Socket) WaitOperations() { s.operations.running.Wait() }

// Gone reports that the client does not want messages of the operation any more.
func (op *Operation) Gone() bool { return op.gone.Load() }

// Control sets the function that ends the operation's execution from now on; false means that the operation is gone.
func (op *Operation) Control(cancel func()) bool {
	op.of.mu.Lock()
	defer op.of.mu.Unlock()
	if op.gone.Load() {
		return false
	}
	op.cancel = cancel
	return true
}

// release frees the id when the operation's last message is written; false means that the operation no longer had the id.
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

// End is called when the operation's goroutine ends. It does not free the id: the last message may be in the queue, and
// a member of a group goes on without a goroutine.
func (op *Operation) End() {
	op.of.mu.Lock()
	op.of.alive--
	op.of.mu.Unlock()
	op.of.running.Done()
}

// Resume is called before an operation gets a goroutine again; End must follow. False means that the operation is gone.
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
