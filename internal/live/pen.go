package live

import (
	"context"
	"runtime"
	"time"

	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
)

// pen is what an operation that is behind writes with. There are few of them, handed on in turn, so that everybody else has
// the processors first: half as many as there are processors, and each rests as long as it was used. If all processors had
// something to write without a pause, Go's scheduler would look at the network only every 10 ms, and each request and each
// statement of everybody else would take that much longer.
type pen struct {
	scratch *conn.Scratch
	used    time.Duration // since it last rested
}

// A pen rests once it was used for restAfter, and for restMax at most.
const (
	restAfter = 2 * time.Millisecond
	restMax   = 20 * time.Millisecond
)

// pens are the pens that nobody uses.
type pens chan *pen

func newPens(processors int) pens {
	ps := make(pens, max(1, processors/2))
	for range cap(ps) {
		ps <- &pen{scratch: conn.NewScratch()}
	}
	return ps
}

// use calls write with a pen when one is free, in the order of the calls; false means that ctx ended before.
func (ps pens) use(ctx context.Context, write func(*pen)) bool {
	select {
	case p := <-ps:
		defer func() {
			p.rest()
			ps <- p
		}()
		write(p)
		return true
	case <-ctx.Done():
		return false
	}
}

// write is Socket.Write.
func (p *pen) write(op *operation, messages []*wire.Message) (written int, ok bool) {
	began := time.Now()
	written, ok = op.Socket.Write(&op.Operation, messages, p.scratch)
	p.scratch.Trim()
	p.used += time.Since(began)
	return written, ok
}

// rest lets others go first before somebody else writes with the pen.
func (p *pen) rest() {
	if p.used < restAfter {
		runtime.Gosched()
		return
	}
	time.Sleep(min(p.used, restMax))
	p.used = 0
}
