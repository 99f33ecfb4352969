package rate

import (
	"sync"

	"golang.org/x/time/rate"

	"github.com/closeloop/closeloop/model"
)

// limiters holds a limiter for each token that was used recently. A token without one has a full one.
type limiters struct {
	each   rate.Limit // a second
	atOnce int

	mu      sync.Mutex
	byToken map[model.ApiTokenID]*rate.Limiter
	sweepAt int
}

func newLimiters(each rate.Limit, atOnce int) *limiters {
	return &limiters{each: each, atOnce: atOnce, byToken: map[model.ApiTokenID]*rate.Limiter{}, sweepAt: sweepLeast}
}

// of returns the limiter of a token.
func (l *limiters) of(token model.ApiTokenID) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	dropIdle(l.byToken, &l.sweepAt, func(old *rate.Limiter) bool { return old.Tokens() >= float64(l.atOnce) })
	limiter := l.byToken[token]
	if limiter == nil {
		limiter = rate.NewLimiter(l.each, l.atOnce)
		l.byToken[token] = limiter
	}
	return limiter
}
