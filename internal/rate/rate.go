// Package rate owns how much each token may ask for in a while: a bucket of points that refills steadily, out of which
// every operation is paid before it begins.
//
// It refuses to say what an operation costs, which is httpd's, and who is asking. Buckets are counted in memory, on this
// server alone: behind n servers a token has n of them.
package rate

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/closeloop/closeloop/model"
)

// Buckets are the buckets of all tokens that were used a short while ago.
type Buckets struct {
	limit   int
	restore int // points a second
	now     func() time.Time

	mu      sync.Mutex
	open    map[model.ApiTokenID]bucket
	sweepAt int // how many there are when those that have refilled are dropped next
}

// bucket is what a token had left at a time.
type bucket struct {
	points float64
	at     time.Time
}

// sweepLeast is how many buckets are not worth a look.
const sweepLeast = 100

// New makes buckets that hold so many points and get so many back each second; both are positive.
func New(limit, restore int, now func() time.Time) *Buckets {
	return &Buckets{limit: limit, restore: restore, now: now, open: map[model.ApiTokenID]bucket{}, sweepAt: sweepLeast}
}

// Limit is a bucket after an operation has been paid.
type Limit struct {
	Limit       int
	Remaining   int
	RestoreRate float64   // points a second
	ResetAt     time.Time // when it is full again, if nothing more is asked for
	Cost        int       // of the operation
}

// Exceeded is the refusal of an operation that the bucket could not pay. It cost nothing.
type Exceeded struct {
	Limit
	RetryAfter time.Duration // until the bucket can pay it
}

func (e *Exceeded) Error() string {
	return fmt.Sprintf("this operation costs %d points and your token has %d left: come again in %d s, or ask for less",
		e.Cost, e.Remaining, e.Seconds())
}

// Seconds is RetryAfter in whole seconds, one at least: what the header of that name says (RFC 9110, section 10.2.3).
func (e *Exceeded) Seconds() int { return max(1, int(math.Ceil(e.RetryAfter.Seconds()))) }

// Take pays an operation out of the token's bucket, or refuses with Exceeded.
func (b *Buckets) Take(token model.ApiTokenID, cost int) (*Limit, error) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	points := b.points(token, now)
	if wait := b.seconds(float64(cost) - points); wait > 0 {
		return nil, &Exceeded{Limit: b.state(points, cost, now), RetryAfter: wait}
	}
	points -= float64(cost)
	b.open[token] = bucket{points: points, at: now}
	b.sweep(now)
	state := b.state(points, cost, now)
	return &state, nil
}

// points is what the bucket holds by now. A token that has none has not asked for a while: its bucket is full.
func (b *Buckets) points(token model.ApiTokenID, now time.Time) float64 {
	at, ok := b.open[token]
	if !ok {
		return float64(b.limit)
	}
	return b.refilled(at, now)
}

func (b *Buckets) refilled(at bucket, now time.Time) float64 {
	since := max(0, now.Sub(at.at).Seconds())
	return min(float64(b.limit), at.points+since*float64(b.restore))
}

// seconds is how long it takes to get so many points back.
func (b *Buckets) seconds(points float64) time.Duration {
	return time.Duration(max(0, points) / float64(b.restore) * float64(time.Second))
}

func (b *Buckets) state(points float64, cost int, now time.Time) Limit {
	return Limit{
		Limit: b.limit, Remaining: int(points), RestoreRate: float64(b.restore), Cost: cost,
		ResetAt: now.Add(b.seconds(float64(b.limit) - points)).UTC().Truncate(time.Microsecond),
	}
}

// sweep drops the buckets that are full again, which is to say the same as having none. It looks at all of them when
// there are twice as many as it left the last time, so that each operation pays for a step or two of it.
func (b *Buckets) sweep(now time.Time) {
	if len(b.open) < b.sweepAt {
		return
	}
	for token, at := range b.open {
		if b.refilled(at, now) >= float64(b.limit) {
			delete(b.open, token)
		}
	}
	b.sweepAt = max(sweepLeast, 2*len(b.open))
}
