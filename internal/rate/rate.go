// Package rate owns the request budget of each API token: a bucket of points that refills at a steady rate. Every
// operation is paid from the bucket before the operation begins, by its estimated price, and settled when it has ended,
// by what it really used.
//
// It refuses to compute a price (package cost does) and to identify the caller (package auth does). Each server keeps its
// buckets in memory, so a token has n buckets when n servers run.
package rate

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"time"

	"github.com/closeloop/closeloop/model"
)

// Buckets holds a bucket for each token that was used recently. A token without a bucket has a full one.
type Buckets struct {
	Pace    *Pace
	limit   int
	restore int // points a second
	now     func() time.Time

	mu      sync.Mutex
	byToken map[model.ApiTokenID]bucket
	sweepAt int // the next sweep drops refilled buckets when byToken has this many entries
}

// bucket holds the points that a token had left at one time.
type bucket struct {
	points float64
	at     time.Time
}

// debtTime is how long a bucket takes at most to pay back a debt. An operation that used more than its price may leave its
// bucket below zero.
const debtTime = time.Minute

// sweepLeast is the smallest number of buckets that is worth a sweep.
const sweepLeast = 100

// New makes buckets that hold at most limit points and regain restore points each second; both must be positive.
func New(limit, restore int, now func() time.Time) *Buckets {
	return &Buckets{Pace: NewPace(restore), limit: limit, restore: restore, now: now, byToken: map[model.ApiTokenID]bucket{}, sweepAt: sweepLeast}
}

// Limit is the state of a bucket after an operation was paid.
type Limit struct {
	Limit       int
	Remaining   int       // negative: a debt
	RestoreRate float64   // points a second
	ResetAt     time.Time // when the bucket is full again if no further operation is paid from it
	Cost        int       // points that the operation was estimated to cost
}

// Exceeded is the error for an operation that costs more than the bucket holds. The refusal takes no points.
type Exceeded struct {
	Limit
	Reading    bool          // Cost is for reading the operation; what the operation itself costs is not known
	RetryAfter time.Duration // until the bucket holds enough for the operation
}

func (e *Exceeded) Error() string {
	points := "points"
	if e.Cost == 1 {
		points = "point"
	}
	switch {
	case e.Reading:
		return fmt.Sprintf("reading this operation costs %d %s and your token has %d left: retry in %d s at least; the operation itself costs more",
			e.Cost, points, e.Remaining, e.Seconds())
	case e.Remaining <= 0: // even the cheapest operation would be refused
		return fmt.Sprintf("this operation costs %d %s and your token has %d left: retry in %d s", e.Cost, points, e.Remaining, e.Seconds())
	}
	return fmt.Sprintf("this operation costs %d %s and your token has %d left: retry in %d s, or ask for less",
		e.Cost, points, e.Remaining, e.Seconds())
}

// AddReading adds to RetryAfter the time for the points that reading the operation again will take before its price.
func (e *Exceeded) AddReading(points int) {
	e.RetryAfter += time.Duration(float64(points) / e.RestoreRate * float64(time.Second))
}

// Seconds is RetryAfter rounded up to whole seconds, at least 1: the value of the HTTP header Retry-After (RFC 9110,
// section 10.2.3).
func (e *Exceeded) Seconds() int { return max(1, int(math.Ceil(e.RetryAfter.Seconds()))) }

// TakeReading pays for reading an operation from the token's bucket, before the price of the operation is known. It returns
// *Exceeded when the bucket holds too little.
func (b *Buckets) TakeReading(token model.ApiTokenID, cost int) error {
	_, err := b.Take(token, cost)
	if e := (*Exceeded)(nil); errors.As(err, &e) {
		e.Reading = true
	}
	return err
}

// Take pays an operation from the token's bucket. It returns *Exceeded when the bucket holds too little.
func (b *Buckets) Take(token model.ApiTokenID, cost int) (*Limit, error) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	points := b.points(token, now)
	if wait := b.refillTime(float64(cost) - points); wait > 0 {
		return nil, &Exceeded{Limit: b.state(points, cost, now), RetryAfter: wait}
	}
	points -= float64(cost)
	b.byToken[token] = bucket{points: points, at: now}
	b.sweep(now)
	state := b.state(points, cost, now)
	return &state, nil
}

// Settle takes further points from the token's bucket, or gives points back where they are negative. It refuses nothing:
// the work is done. A bucket may owe as many points as it regains in a minute; what is beyond is forgiven.
func (b *Buckets) Settle(token model.ApiTokenID, points int) *Limit {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	most := debtTime.Seconds() * float64(b.restore)
	left := min(float64(b.limit), max(-most, b.points(token, now)-float64(points)))
	b.byToken[token] = bucket{points: left, at: now}
	b.sweep(now)
	state := b.state(left, 0, now)
	return &state
}

// State returns the state of the token's bucket.
func (b *Buckets) State(token model.ApiTokenID) *Limit { return b.Settle(token, 0) }

// Owes returns how long the token's bucket takes to pay its debt; 0 without one.
func (b *Buckets) Owes(token model.ApiTokenID) time.Duration {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refillTime(-b.points(token, now))
}

// points returns what the token's bucket holds now.
func (b *Buckets) points(token model.ApiTokenID, now time.Time) float64 {
	old, ok := b.byToken[token]
	if !ok {
		return float64(b.limit)
	}
	return b.refilled(old, now)
}

func (b *Buckets) refilled(old bucket, now time.Time) float64 {
	elapsed := max(0, now.Sub(old.at).Seconds())
	return min(float64(b.limit), old.points+elapsed*float64(b.restore))
}

// refillTime returns how long a bucket takes to regain the points.
func (b *Buckets) refillTime(points float64) time.Duration {
	return time.Duration(max(0, points) / float64(b.restore) * float64(time.Second))
}

func (b *Buckets) state(points float64, cost int, now time.Time) Limit {
	return Limit{
		Limit: b.limit, Remaining: int(math.Floor(points)), RestoreRate: float64(b.restore), Cost: cost,
		ResetAt: now.Add(b.refillTime(float64(b.limit) - points)).UTC().Truncate(time.Microsecond),
	}
}

// sweep drops the buckets that are full again: a missing bucket counts as full.
func (b *Buckets) sweep(now time.Time) {
	dropIdle(b.byToken, &b.sweepAt, func(old bucket) bool { return b.refilled(old, now) >= float64(b.limit) })
}

// dropIdle drops the entries that a missing one equals. It does so when their number has doubled since it last did, so that
// its cost, spread over all operations, is one or two steps for each; at is the number at which it does so next.
func dropIdle[T any](byToken map[model.ApiTokenID]T, at *int, idle func(T) bool) {
	if len(byToken) < *at {
		return
	}
	maps.DeleteFunc(byToken, func(_ model.ApiTokenID, entry T) bool { return idle(entry) })
	*at = max(sweepLeast, 2*len(byToken))
}
