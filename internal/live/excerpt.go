package live

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// The limits of what is kept of excerpts while somebody is behind. The limit of bytes grows with the operations that are
// behind, as what their sockets take does: thousands that come back within a minute are all over the feed, and would otherwise
// make the same excerpts again and again.
const (
	excerptBytes = 32 << 20
	excerptPerOp = 8 << 10          // for each operation that is behind
	excerptMax   = 256 << 20        // at most
	excerptIdle  = 10 * time.Second // after it was last needed
)

// excerpt is what equal subscriptions get of one stretch of the feed, executed and encoded once for all that pass there.
type excerpt struct {
	key   key
	from  Position
	turn  chan struct{} // holds a value when the excerpt may be made: whoever takes it makes the excerpt
	ready chan struct{} // closed when the excerpt is made, or will not be

	// Guarded by excerpts.mu.
	waiting int       // who asked for it and has not got it
	begun   bool      // somebody has begun to make it
	used    time.Time // when somebody last asked for it

	// Guarded by excerpts.mu until ready is closed, and not changed after that.
	revision   int64           // of the feed, before the values were read; known once begun
	to         *Position       // where it ends; nil: not known yet, or never made
	messages   []*wire.Message // in order
	stillShown []func() bool   // of each message; nil where only the revision tells
	last       *wire.Message   // ends the subscription at the excerpt's end
	err        error           // why the feed could not be read at the moment
	bytes      int
}

// covers reports whether the excerpt leads on from a position.
func (e *excerpt) covers(at Position) bool {
	return e.to != nil && e.from.Offset <= at.Offset && (at.Offset < e.to.Offset || e.last != nil && e.from == at)
}

// behind returns the number of the first message behind a position.
func (e *excerpt) behind(at Position) int {
	i, _ := slices.BinarySearchFunc(e.messages, at.Offset+1, func(m *wire.Message, offset int64) int { return int(m.Position.Offset - offset) })
	return i
}

// excerpts are made a bounded number at a time, in the order in which they were asked for, and kept while somebody is
// behind. An excerpt keeps its place in the queue for as long as anybody waits for it.
type excerpts struct {
	behind atomic.Int64 // operations that are behind

	mu    sync.Mutex
	free  int        // how many more may be made now
	queue []*excerpt // that wait for their turn
	all   map[key][]*excerpt
	kept  *simplelru.LRU[*excerpt, struct{}] // those that are made
	bytes int                                // of the kept ones
}

func newExcerpts(atATime int) *excerpts {
	kept, err := simplelru.NewLRU[*excerpt, struct{}](1<<30, nil) // bounded by bytes, not by its length
	if err != nil {
		panic(err) // cannot happen: NewLRU refuses only a size below 1
	}
	return &excerpts{free: atATime, all: map[key][]*excerpt{}, kept: kept}
}

// keptBytes is how many bytes of excerpts are kept while so many operations are behind.
func keptBytes(behind int64) int { return int(min(excerptBytes+excerptPerOp*behind, excerptMax)) }

// enter counts one more operation that is behind, and leave one less. Without any, nothing is kept.
func (es *excerpts) enter() { es.behind.Add(1) }

func (es *excerpts) leave() {
	es.mu.Lock()
	defer es.mu.Unlock()
	if es.behind.Add(-1) == 0 {
		for _, e := range es.kept.Keys() {
			es.drop(e)
		}
	}
}

// next returns the excerpt that leads on from the run's position, which somebody else has made or makes, or the run makes
// itself. It returns nil when the run's context ends.
func (es *excerpts) next(r *run, k key, at Position) *excerpt {
	for r.ctx.Err() == nil {
		e := es.ask(k, at, r.stream.Revision())
		select {
		case <-e.ready:
		case <-e.turn:
			es.make(r, e)
		case <-r.ctx.Done():
		}
		es.stopWaiting(e)
		select {
		case <-e.ready:
			if e.covers(at) || e.err != nil {
				return e
			}
		default:
		}
	}
	return nil
}

// ask returns the excerpt that leads on from a position. It is put in the queue if it is new.
func (es *excerpts) ask(k key, at Position, revision int64) *excerpt {
	es.mu.Lock()
	defer es.mu.Unlock()
	for _, e := range es.all[k] {
		if !e.begun && e.from == at || e.begun && e.revision == revision && (e.from == at || e.covers(at)) {
			if e.used = time.Now(); es.kept.Contains(e) {
				es.kept.Get(e)
			}
			e.waiting++
			return e
		}
	}
	e := &excerpt{key: k, from: at, turn: make(chan struct{}, 1), ready: make(chan struct{}), waiting: 1}
	es.all[k], es.queue = append(es.all[k], e), append(es.queue, e)
	es.admit()
	return e
}

// admit gives the free turns to those who are first in the queue. The caller holds the lock.
func (es *excerpts) admit() {
	for es.free > 0 && len(es.queue) > 0 {
		es.free--
		es.queue[0].turn <- struct{}{}
		es.queue = es.queue[1:]
	}
}

// stopWaiting gives up an excerpt for which nobody waits any more before somebody has begun to make it.
func (es *excerpts) stopWaiting(e *excerpt) {
	es.mu.Lock()
	defer es.mu.Unlock()
	if e.waiting--; e.waiting > 0 {
		return
	}
	select {
	case <-e.turn: // it was admitted
		es.drop(e)
		es.free++
		es.admit()
	default:
		if i := slices.Index(es.queue, e); i >= 0 {
			es.queue = slices.Delete(es.queue, i, i+1)
			es.drop(e)
		}
	}
}

// make makes an excerpt whose turn it is.
func (es *excerpts) make(r *run, e *excerpt) {
	end, keep := (*Position)(nil), false // if it panics
	defer func() { es.finish(e, end, keep, r.ctx.Err() != nil) }()
	if es.begin(e, r.stream.Revision()) {
		end, keep = r.make(e, func(to Position) Position { return es.settle(e, to) })
	}
}

// begin reports whether the excerpt is still needed. It is not if somebody has come this way meanwhile who began before it.
func (es *excerpts) begin(e *excerpt, revision int64) bool {
	es.mu.Lock()
	defer es.mu.Unlock()
	for _, other := range es.all[e.key] {
		if other != e && other.begun && other.revision == revision && other.covers(e.from) {
			return false
		}
	}
	e.begun, e.revision = true, revision
	return true
}

// settle says where the excerpt ends: at the position up to which values were read, or where the next excerpt begins.
func (es *excerpts) settle(e *excerpt, to Position) Position {
	es.mu.Lock()
	defer es.mu.Unlock()
	for _, other := range es.all[e.key] {
		if other.to != nil && other.revision == e.revision && e.from.Offset < other.from.Offset && other.from.Offset < to.Offset {
			to = other.from
		}
	}
	e.to = &to
	return to
}

// finish lets those go on who wait for the excerpt, and gives the turn to the next. If its maker has left without an end,
// another who waits makes it in the same turn.
func (es *excerpts) finish(e *excerpt, end *Position, keep, left bool) {
	es.mu.Lock()
	defer es.mu.Unlock()
	e.to, e.used = end, time.Now()
	if left && end == nil && e.waiting > 1 {
		e.begun = false
		e.turn <- struct{}{}
		return
	}
	close(e.ready)
	es.free++
	es.admit()
	if !keep {
		es.drop(e)
		return
	}
	es.kept.Add(e, struct{}{})
	es.bytes += e.bytes
	most := keptBytes(es.behind.Load())
	for {
		oldest, _, ok := es.kept.GetOldest()
		if !ok || es.bytes <= most && time.Since(oldest.used) <= excerptIdle {
			return
		}
		es.drop(oldest)
	}
}

// forget drops an excerpt that shows what must not be shown any more.
func (es *excerpts) forget(e *excerpt) {
	es.mu.Lock()
	defer es.mu.Unlock()
	es.drop(e)
}

// drop removes an excerpt, so that nobody else gets it. The caller holds the lock.
func (es *excerpts) drop(e *excerpt) {
	if es.kept.Remove(e) {
		es.bytes -= e.bytes
	}
	left := slices.DeleteFunc(es.all[e.key], func(other *excerpt) bool { return other == e })
	if es.all[e.key] = left; len(left) == 0 {
		delete(es.all, e.key)
	}
}
