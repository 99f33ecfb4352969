package rate

import (
	"sync"

	"golang.org/x/time/rate"

	"github.com/closeloop/closeloop/model"
)

// Refusals notices tokens whose operations are refused again and again: a refusal costs no points, so that only its
// slowness keeps a loop of them from occupying the processors.
type Refusals struct {
	mu      sync.Mutex
	byToken map[model.ApiTokenID]*rate.Limiter
	sweepAt int
}

const (
	refusalsAtOnce = 100 // that are answered at once, of a token that had none lately
	refusalsEach   = 50  // further ones a second
)

// NewRefusals makes the counts of all tokens.
func NewRefusals() *Refusals {
	return &Refusals{byToken: map[model.ApiTokenID]*rate.Limiter{}, sweepAt: sweepLeast}
}

// Often counts one more refusal of a token, and reports whether it has had too many lately to be answered at once.
func (r *Refusals) Often(token model.ApiTokenID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	dropIdle(r.byToken, &r.sweepAt, func(l *rate.Limiter) bool { return l.Tokens() >= refusalsAtOnce })
	limiter := r.byToken[token]
	if limiter == nil {
		limiter = rate.NewLimiter(refusalsEach, refusalsAtOnce)
		r.byToken[token] = limiter
	}
	return !limiter.Allow()
}
