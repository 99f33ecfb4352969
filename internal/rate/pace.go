package rate

import (
	"context"
	"sync"

	"golang.org/x/time/rate"

	"github.com/closeloop/closeloop/model"
)

// Pace spreads the operations of each token. An operation that the database does little for costs few points or none, and
// takes the processor all the same: a loop of them would slow everybody down.
type Pace struct {
	each int // operations of a token a second, and at once

	mu      sync.Mutex
	byToken map[model.ApiTokenID]*rate.Limiter
	sweepAt int
}

const (
	pacePoints = 20  // that a token regains for each operation
	paceLeast  = 100 // operations a second
)

// NewPace makes the pace of tokens that regain restore points a second.
func NewPace(restore int) *Pace {
	return &Pace{each: max(paceLeast, restore/pacePoints), byToken: map[model.ApiTokenID]*rate.Limiter{}, sweepAt: sweepLeast}
}

// Wait waits until the token may have one more operation answered, or until ctx ends.
func (p *Pace) Wait(ctx context.Context, token model.ApiTokenID) { _ = p.limiter(token).Wait(ctx) }

func (p *Pace) limiter(token model.ApiTokenID) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	dropIdle(p.byToken, &p.sweepAt, func(l *rate.Limiter) bool { return l.Tokens() >= float64(p.each) })
	l := p.byToken[token]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(p.each), p.each)
		p.byToken[token] = l
	}
	return l
}
