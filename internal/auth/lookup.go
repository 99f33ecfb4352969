package auth

import (
	"context"
	"sync"
	"sync/atomic"
)

// lookups let sign-ins by the same secret share what the database says. One of them asks, and its answer serves all who came
// before it began to ask, never those who came later: so thousands of sockets that come back at once with one token cost the
// database two lookups, and a token that was revoked signs nobody in afterwards.
type lookups struct {
	mu  sync.Mutex
	all map[hash]*lookup // that somebody waits for
}

type lookup struct {
	callers int           // guarded by lookups.mu
	turn    chan struct{} // holds a value while somebody asks
	begun   atomic.Int64  // how many have begun to ask
	last    answer        // only who has the turn touches it
}

// answer is the answer to the question with this number.
type answer struct {
	number int64
	in     *SignedIn
	err    error
}

// share returns the answer of ask, or that of another caller with the same hash.
func (ls *lookups) share(ctx context.Context, h hash, ask func() (*SignedIn, error)) (*SignedIn, error) {
	l := ls.enter(h)
	defer ls.leave(h, l)
	came := l.begun.Load()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l.last.number <= came {
		number := l.begun.Add(1)
		in, err := ask()
		if ctx.Err() != nil { // the error is the caller's own
			return in, err
		}
		l.last = answer{number, in, err}
	}
	if l.last.in == nil {
		return nil, l.last.err
	}
	own := *l.last.in // callers add to it, such as an address
	return &own, nil
}

func (ls *lookups) enter(h hash) *lookup {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.all[h]
	if l == nil {
		l = &lookup{turn: make(chan struct{}, 1)}
		ls.all[h] = l
	}
	l.callers++
	return l
}

func (ls *lookups) leave(h hash, l *lookup) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.callers--; l.callers == 0 {
		delete(ls.all, h)
	}
}
