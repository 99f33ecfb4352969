package live

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// The limits of what a group keeps of its recent messages, in bytes. A subscriber that joins a moment later, or falls
// behind in a burst, need not execute kept messages again. The limit grows with the members, because each of thousands
// of members might otherwise have to.
const (
	recentPerMember = 4 << 10
	recentMax       = 4 << 20
)

// groups are the groups of equal subscriptions.
//
// groups.mu is locked to join, leave or end a group. To publish, only the group's own lock is taken, and never during a write
// to a socket. Lock order: groups.mu, group.mu, then operations.mu or shard.mu, then writer.mu.
type groups struct {
	writers []*writer
	running sync.WaitGroup

	mu  sync.Mutex
	all map[key]*group
}

// group is one execution for all equal subscriptions, its members.
type group struct {
	key     key
	of      *groups
	run     *run
	members atomic.Int64   // changed under groups.mu
	sharers map[string]int // members by Session.Key; guarded by groups.mu

	mu       sync.Mutex
	base     int64           // recent holds every message after this position
	recent   []*wire.Message // oldest first
	bytes    int
	revision int64   // of the feed, when recent was made
	shards   []shard // one for each writer
}

func newGroups(writers []*writer) *groups { return &groups{writers: writers, all: map[key]*group{}} }

// join makes an operation, whose own run has come to some position in the feed, a member of its group. There is no gap,
// because the operation gets what the group has published since that position, and no repetition. Where there is no
// group, the run starts one once it has reached the newest position. False means that the run must go on by itself,
// because the group does not keep messages that far back. True means that the operation belongs to the group, unless the
// operation was stopped meanwhile.
func (gs *groups) join(k key, op *operation, r *run) bool {
	at := r.stream.Position()
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := gs.all[k]
	if g == nil {
		if !r.stream.Newest() {
			return false
		}
		g = &group{
			key: k, of: gs, run: r, base: at.Offset, revision: r.stream.Revision(), shards: make([]shard, len(gs.writers)),
			sharers: map[string]int{},
		}
		for i := range g.shards {
			g.shards[i].writer = gs.writers[i]
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dropOutdated()
	if at.Offset < g.base {
		return false
	}
	if !op.Control(func() { gs.leave(op) }) {
		r.cancel()
		return true
	}
	op.group, op.Position = g, at
	g.members.Add(1)
	g.sharers[op.connection.session.Key]++
	if g.run == r {
		gs.all[k] = g
		r.group.Store(g)
		gs.running.Go(g.follow)
	} else {
		r.cancel()
	}
	missed := len(g.recent)
	for missed > 0 && g.recent[missed-1].Position.Offset > at.Offset {
		missed--
	}
	g.shards[op.writerIndex].join(op, g.recent[missed:len(g.recent):len(g.recent)])
	return true
}

// leave removes a member that was stopped or fell behind, and returns its group; nil means that the operation is no member
// any more. The group ends with its last member.
func (gs *groups) leave(op *operation) *group {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := op.group
	if g == nil {
		return nil
	}
	op.group = nil
	g.shards[op.writerIndex].left()
	if session := op.connection.session.Key; g.sharers[session] > 1 {
		g.sharers[session]--
	} else {
		delete(g.sharers, session)
	}
	if g.members.Add(-1) == 0 {
		gs.end(g)
	}
	return g
}

// Shared reports whether the execution of the context is one for all equal subscriptions.
func Shared(ctx context.Context) bool {
	r := runOf(ctx)
	return r != nil && r.group.Load() != nil
}

// Sharers returns Session.Key of each session that has a part in the execution of the context, each once; none where one
// subscriber has the execution alone.
func Sharers(ctx context.Context) []string {
	if !Shared(ctx) {
		return nil
	}
	g := runOf(ctx).group.Load()
	g.of.mu.Lock()
	defer g.of.mu.Unlock()
	return slices.Collect(maps.Keys(g.sharers))
}

// end removes the group, so that the next equal subscription starts a new one. The caller holds groups.mu.
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
			g.dropOutdated()
			g.mu.Unlock()
		}
		for i := range n {
			revision := g.run.stream.Revision()
			if g.run.stream.outdated(i) {
				break
			}
			position := g.run.stream.put(i)
			m := g.run.respond()
			m.Position = position
			if g.publish(m, revision); m.IsLast() {
				return
			}
		}
		if err != nil {
			g.publish(g.run.fail(err), 0)
			return
		}
	}
}

// dropOutdated drops the recent messages when the feed has another revision. An operation that joins from a position
// before it goes on by itself. The caller holds the group's lock.
func (g *group) dropOutdated() {
	revision := g.run.stream.Revision()
	if revision == g.revision {
		return
	}
	if n := len(g.recent); n > 0 {
		g.base = g.recent[n-1].Position.Offset
	}
	g.recent, g.bytes, g.revision = nil, 0, revision
}

// publish hands a message, which was made at a revision of the feed, to the writers, which write it to the members'
// sockets.
func (g *group) publish(m *wire.Message, revision int64) {
	if m.IsLast() {
		g.of.mu.Lock()
		g.of.end(g) // so that nobody joins the ended group
		g.of.mu.Unlock()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dropOutdated()
	switch {
	case m.Kind != wire.Next:
	case revision != g.revision: // the message became outdated while it was made
		g.base = m.Position.Offset
	default:
		g.recent = append(g.recent, m)
		g.bytes += m.Size()
		most := int(min(recentMax, recentPerMember*(g.members.Load()+1)))
		for g.bytes > most {
			g.base = g.recent[0].Position.Offset
			g.bytes -= g.recent[0].Size()
			g.recent = g.recent[1:] // the array stays as it is, because new members may still read what they missed
		}
	}
	for i := range g.shards {
		g.shards[i].publish(m)
	}
}
