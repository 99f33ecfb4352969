// Package fair shares a fixed number of places among clients: no client has more than its share of them at a time, a
// client's calls are admitted first come first served, and clients that wait take turns.
//
// It refuses to know what is done in a place, and to take a place away: who is in it leaves by itself.
package fair

import (
	"container/list"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrBusy is the error of a call that waited for a place for as long as a gate lets anybody wait, or whose client has as many
// calls waiting as the gate lets anybody have.
var ErrBusy = errors.New("waited too long for a place")

// Gate admits calls to its places.
type Gate struct {
	places, share int
	wait          time.Duration
	queue         int // how many calls of a client wait at most

	mu      sync.Mutex
	free    int
	clients map[string]*client // those that have a place or wait
	turns   []*client          // those that wait and have less than their share; the first is admitted next
}

type client struct {
	name    string
	most    int
	inside  int
	waiting *list.List // of chan struct{}, which is closed when the call is admitted; the first is admitted next
	inTurns bool
}

// New makes a gate with a number of places, of which a client with a name has at most share at a time. Of its other calls, so
// many as queue says wait, each for at most the given time.
func New(places, share, queue int, wait time.Duration) *Gate {
	return &Gate{places: places, share: share, queue: queue, wait: wait, free: places, clients: map[string]*client{}}
}

// Enter waits for a place of the client. The caller calls leave exactly once when it has done its work. Without a name, the
// client is the house: it takes turns with the others, but may have all places. The error is ErrBusy, or why ctx ended; a
// call whose ctx ends leaves the queue at once.
func (g *Gate) Enter(ctx context.Context, name string) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, at, full := g.ask(name)
	leave = func() { g.leave(c) }
	switch {
	case full:
		return nil, ErrBusy
	case at == nil:
		return leave, nil
	}
	admitted := at.Value.(chan struct{})
	late := time.NewTimer(g.wait)
	defer late.Stop()
	select {
	case <-admitted:
		return leave, nil
	case <-late.C:
		err = ErrBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	if !g.giveUp(c, at) { // it was admitted at the same moment
		leave()
	}
	return nil, err
}

// ask takes a place if the client may have one now; then at is nil. Otherwise at is the call's place in the queue, unless
// that is full.
func (g *Gate) ask(name string) (c *client, at *list.Element, full bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c = g.clients[name]
	if c == nil {
		c = &client{name: name, most: g.share, waiting: list.New()}
		if name == "" {
			c.most = g.places
		}
		g.clients[name] = c
	}
	// Where a place is free, nobody who may have it waits: see admit.
	if g.free > 0 && c.inside < c.most {
		g.free--
		c.inside++
		return c, nil, false
	}
	if c.waiting.Len() >= g.queue {
		return c, nil, true
	}
	at = c.waiting.PushBack(make(chan struct{}))
	g.enqueue(c)
	return c, at, false
}

func (g *Gate) leave(c *client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free++
	c.inside--
	g.enqueue(c)
	g.admit()
	g.forget(c)
}

// giveUp removes a call from the queue; false means that it was admitted already.
func (g *Gate) giveUp(c *client, at *list.Element) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-at.Value.(chan struct{}):
		return false
	default:
	}
	c.waiting.Remove(at)
	if c.waiting.Len() == 0 && c.inTurns {
		g.turns = slices.DeleteFunc(g.turns, func(other *client) bool { return other == c })
		c.inTurns = false
	}
	g.forget(c)
	return true
}

// enqueue puts a client that waits at the end of the turns, if it may have a place and is not there. The caller holds the
// lock.
func (g *Gate) enqueue(c *client) {
	if !c.inTurns && c.waiting.Len() > 0 && c.inside < c.most {
		g.turns = append(g.turns, c)
		c.inTurns = true
	}
}

// admit gives the free places to the clients whose turn it is. The caller holds the lock.
func (g *Gate) admit() {
	for g.free > 0 && len(g.turns) > 0 {
		c := g.turns[0]
		g.turns[0], g.turns = nil, g.turns[1:]
		c.inTurns = false
		g.free--
		c.inside++
		close(c.waiting.Remove(c.waiting.Front()).(chan struct{}))
		g.enqueue(c)
	}
}

// forget drops a client that neither has a place nor waits. The caller holds the lock.
func (g *Gate) forget(c *client) {
	if c.inside == 0 && c.waiting.Len() == 0 {
		delete(g.clients, c.name)
	}
}
