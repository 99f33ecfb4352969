package auth

import (
	"context"
	"sync"

	"github.com/closeloop/closeloop/internal/shared"
)

// lookups let sign-ins by the same secret share what the database says, so that thousands of sockets that come back at once
// with one token after a change of the configuration cost it two lookups.
type lookups struct {
	mu  sync.Mutex
	all map[hash]*lookup // that somebody waits for
}

type lookup struct {
	callers int // guarded by lookups.mu
	*shared.Question[*owner]
}

// share returns the answer of ask, or that of another caller with the same hash.
func (ls *lookups) share(ctx context.Context, h hash, ask func() (*owner, error)) (*owner, error) {
	l := ls.enter(h)
	defer ls.leave(h, l)
	return l.Ask(ctx, ask)
}

func (ls *lookups) enter(h hash) *lookup {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.all[h]
	if l == nil {
		l = &lookup{Question: shared.New[*owner]()}
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
