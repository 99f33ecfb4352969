package intake

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	// gatherFor is how long a call waits for a transaction of the same token to end, before it begins a second one.
	gatherFor = 5 * time.Millisecond
	// heldUpFor is how long a call that finds two transactions then waits, before it begins another: they may be waiting for locks.
	heldUpFor = 100 * time.Millisecond
	// heldUpMost is how many transactions of a token run at most.
	heldUpMost = 4
	// gatherMost is how many calls share a transaction at most.
	gatherMost = 32
)

// gathering lets the calls of a token that arrive while a transaction of it runs share the next one. A call that finds none
// running begins its own at once, so a lone caller never waits. Calls of different tokens do not share, because a
// transaction uses its caller's share of the connections.
type gathering struct {
	mu     sync.Mutex
	tokens map[model.ApiTokenID]*queue
}

// queue is the calls of one token.
type queue struct {
	running int     // transactions
	waiting []*call // the next transaction saves their responses
}

// call is one that submits a response.
type call struct {
	ctx    context.Context
	viewer auth.Viewer
	*valid
	turn chan turn // gets one
}

// turn ends a call's wait.
type turn struct {
	leads []*call // the calls whose responses the call saves, itself first; nil: another call has saved the response
	Outcome
	again bool // the shared transaction failed: the call saves its response alone
}

// join adds a call. It returns the call itself if the call saves its response now; else the call gets its turn.
func (g *gathering) join(c *call) []*call {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tokens == nil {
		g.tokens = map[model.ApiTokenID]*queue{}
	}
	q := g.tokens[c.viewer.TokenID]
	if q == nil {
		q = new(queue)
		g.tokens[c.viewer.TokenID] = q
	}
	if q.running == 0 {
		q.running++
		return []*call{c}
	}
	q.waiting = append(q.waiting, c)
	return nil
}

// hurry begins another transaction for the calls that wait, if the call is still one of them and fewer than most are running.
func (g *gathering) hurry(c *call, most int) []*call {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.tokens[c.viewer.TokenID]
	if q == nil || q.running >= most || !q.remove(c) {
		return nil
	}
	q.running++
	return append([]*call{c}, q.take(gatherMost-1)...)
}

// leave takes a call back that nobody waits for any more. It returns false if the call got its turn before.
func (g *gathering) leave(c *call) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.tokens[c.viewer.TokenID]
	return q != nil && q.remove(c)
}

// end ends a transaction: the first of the calls that wait saves the responses of all of them.
func (g *gathering) end(token model.ApiTokenID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.tokens[token]
	if q.running <= 1 && len(q.waiting) > 0 {
		next := q.take(gatherMost)
		next[0].turn <- turn{leads: next}
		return
	}
	if q.running--; q.running == 0 {
		delete(g.tokens, token)
	}
}

func (q *queue) remove(c *call) bool {
	at := slices.Index(q.waiting, c)
	if at >= 0 {
		q.waiting = slices.Delete(q.waiting, at, at+1)
	}
	return at >= 0
}

func (q *queue) take(n int) []*call {
	n = min(n, len(q.waiting))
	taken := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return taken
}

// submitGathered saves one response, alone or with others that arrived at the same time.
func (in *Intake) submitGathered(ctx context.Context, viewer auth.Viewer, v *valid) (*SubmitResponsePayload, error) {
	c := &call{ctx: ctx, viewer: viewer, valid: v, turn: make(chan turn, 1)}
	t := turn{leads: in.calls.join(c)}
	if t.leads == nil {
		var err error
		if t, err = in.await(c); err != nil {
			return nil, err
		}
	}
	if t.leads != nil {
		t = in.lead(t.leads)
	}
	if t.again {
		return in.submitAlone(ctx, viewer, v)
	}
	return t.SubmitResponsePayload, t.Fault
}

// await waits for a call's turn.
func (in *Intake) await(c *call) (turn, error) {
	late, most := time.NewTimer(gatherFor), 2
	defer late.Stop()
	for {
		select {
		case t := <-c.turn:
			return t, nil
		case <-late.C:
			if leads := in.calls.hurry(c, most); leads != nil {
				return turn{leads: leads}, nil
			}
			most = heldUpMost
			late.Reset(heldUpFor) // repeatedly: all transactions but one that waits for a lock may end meanwhile
		case <-c.ctx.Done():
			if in.calls.leave(c) {
				return turn{}, c.ctx.Err()
			}
			return <-c.turn, nil
		}
	}
}

// lead saves the responses of several calls in one transaction. It gives the others their turns, and returns that of the
// first.
func (in *Intake) lead(calls []*call) turn {
	defer in.calls.end(calls[0].viewer.TokenID)
	if len(calls) == 1 {
		out, err := in.submitAlone(calls[0].ctx, calls[0].viewer, calls[0].valid)
		return turn{Outcome: Outcome{SubmitResponsePayload: out, Fault: err}}
	}
	turns := make([]turn, len(calls))
	for i := range turns {
		turns[i].Fault = errLeaderGone // if saveGathered panics
	}
	defer func() {
		for i, c := range calls[1:] {
			c.turn <- turns[i+1]
		}
	}()
	outcomes, again, err := in.saveGathered(calls)
	for i := range turns {
		switch {
		case again:
			turns[i] = turn{again: true}
		case err != nil:
			turns[i] = turn{Outcome: Outcome{Fault: err}}
		default:
			turns[i] = turn{Outcome: Outcome{SubmitResponsePayload: outcomes[i].SubmitResponsePayload, Fault: fault.WithPath("input", outcomes[i].Fault)}}
		}
	}
	return turns[0]
}

var errLeaderGone = errors.New("the call that saved this response together with its own has panicked")

// saveGathered saves the responses of several calls. again says that nothing was saved, and that a response may be saved
// where it is alone: an error may concern only one of the calls. If nobody knows whether the transaction was committed, no
// response may be saved again.
func (in *Intake) saveGathered(calls []*call) (outcomes []Outcome, again bool, err error) {
	checked := make([]*valid, len(calls))
	for i, c := range calls {
		checked[i] = c.valid
	}
	outcomes = make([]Outcome, len(calls))
	ctx := pg.WithUsage(context.WithoutCancel(calls[0].ctx), divided(calls))
	committing := false
	err = in.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		committing = false
		err := in.saveAll(tx, now, calls[0].viewer, checked, SubmitOptions{}, outcomes)
		committing = err == nil
		return err
	})
	if err != nil {
		return nil, !pg.Unavailable(err) && (!committing || pg.Refused(err)), err
	}
	return outcomes, false, nil
}

// divided reports what a statement has taken to all calls, in equal parts.
func divided(calls []*call) func(pg.Usage) {
	var add []func(pg.Usage)
	for _, c := range calls {
		add = append(add, pg.UsageOf(c.ctx))
	}
	return func(u pg.Usage) { u.Among(add) }
}
