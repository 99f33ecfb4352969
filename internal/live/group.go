package live

import (
	"sync"
	"sync/atomic"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// What a group remembers of what it said last, in bytes: so that who comes a moment later, and who falls behind in a
// burst, need not execute it again. A group of thousands, which would each do so, remembers more than one of a few.
const (
	recentForEach = 4 << 10
	recentMost    = 4 << 20
)

// groups are the groups of equal subscriptions.
//
// Who joins, leaves or ends one holds groups.mu; saying something holds only the group's own lock, and that for no
// write to any socket.
type groups struct {
	writers []*writer
	running sync.WaitGroup

	mu  sync.Mutex
	all map[key]*group
}

// group is one execution for all equal subscriptions.
type group struct {
	key     key
	of      *groups
	run     *run
	members atomic.Int64 // changed under groups.mu

	mu       sync.Mutex
	base     int64           // of all that came after this position, recent has what there was
	recent   []*wire.Message // oldest first
	bytes    int
	revision int64   // of the feed, that recent is of
	shards   []shard // one for each writer
}

func newGroups(writers []*writer) *groups { return &groups{writers: writers, all: map[key]*group{}} }

// join makes the operation, whose own run has come to some place in the feed, a member of its group: without gap, for
// it gets what the group has said since that place, and without repeat. Where there is no group, the run becomes one,
// once it has come to the newest place. False: the run must go on by itself, for the group does not remember that far
// back. True: the operation belongs to the group, unless it was stopped meanwhile.
func (gs *groups) join(k key, op *operation, r *run) bool {
	at := r.stream.Position()
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := gs.all[k]
	if g == nil {
		if !r.stream.Newest() {
			return false
		}
		g = &group{key: k, of: gs, run: r, base: at.Offset, revision: r.stream.Revision(), shards: make([]shard, len(gs.writers))}
		for i := range g.shards {
			g.shards[i].writer = gs.writers[i]
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.renew()
	if at.Offset < g.base {
		return false
	}
	if !op.Control(func() { gs.leave(op) }) {
		r.cancel()
		return true
	}
	op.group, op.Position = g, at
	g.members.Add(1)
	if g.run == r {
		gs.all[k] = g
		gs.running.Go(g.follow)
	} else {
		r.cancel()
	}
	missed := len(g.recent)
	for missed > 0 && g.recent[missed-1].Position.Offset > at.Offset {
		missed--
	}
	g.shards[op.writer].join(op, g.recent[missed:len(g.recent):len(g.recent)])
	return true
}

// leave takes a member out that was stopped, or fell behind, and says of which group; nil: of none any more. The last
// one ends the group.
func (gs *groups) leave(op *operation) *group {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := op.group
	if g == nil {
		return nil
	}
	op.group = nil
	g.shards[op.writer].left()
	if g.members.Add(-1) == 0 {
		gs.end(g)
	}
	return g
}

// end takes the group away: who comes from now on begins a new one. The caller holds groups.mu.
func (gs *groups) end(g *group) {
	if gs.all[g.key] == g {
		delete(gs.all, g.key)
	}
	g.run.cancel()
}

// follow executes the selection for each value of the feed, until the last member has left or the feed ends.
func (g *group) follow() {
	defer g.run.cancel()
	for {
		n, err := g.run.stream.fetch(g.run.ctx)
		if g.run.ctx.Err() != nil {
			return
		}
		if n == 0 {
			g.mu.Lock()
			g.renew()
			g.mu.Unlock()
		}
		for i := range n {
			revision := g.run.stream.Revision()
			if g.run.stream.outdated(i) {
				break
			}
			place := g.run.stream.put(i)
			e := g.run.respond()
			e.Position = place
			if g.publish(e, revision); e.IsLast() {
				return
			}
		}
		if err != nil {
			g.publish(g.run.fail(err), 0)
			return
		}
	}
}

// renew drops what the group remembers where the feed has come to another revision: who joins from a place before
// that reads on by itself. The caller holds the group's lock.
func (g *group) renew() {
	revision := g.run.stream.Revision()
	if revision == g.revision {
		return
	}
	if n := len(g.recent); n > 0 {
		g.base = g.recent[n-1].Position.Offset
	}
	g.recent, g.bytes, g.revision = nil, 0, revision
}

// say hands an entry, made at a revision of the feed, to the writers, which write it to the members' sockets.
func (g *group) publish(e *wire.Message, revision int64) {
	if e.IsLast() {
		g.of.mu.Lock()
		g.of.end(g) // nobody joins what has ended
		g.of.mu.Unlock()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.renew()
	switch {
	case e.Kind != wire.Next:
	case revision != g.revision: // outdated while it was made
		g.base = e.Position.Offset
	default:
		g.recent = append(g.recent, e)
		g.bytes += e.Size()
		most := int(min(recentMost, recentForEach*(g.members.Load()+1)))
		for g.bytes > most {
			g.base = g.recent[0].Position.Offset
			g.bytes -= g.recent[0].Size()
			g.recent = g.recent[1:] // and the array stays as it was: who joins has yet to be given what he missed
		}
	}
	for i := range g.shards {
		g.shards[i].publish(e)
	}
}
