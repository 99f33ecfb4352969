package rate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/closeloop/closeloop/model"
)

// Work bounds the processor time that the subscriptions of each token take to decide their filters. One subscription of a
// token works at a time, and all of them together for a part of each second. Past it they wait in the order in which they
// came, and fall behind; those of other tokens do not notice.
type Work struct {
	second time.Duration // work that a token may do in a second
	owes   func(model.ApiTokenID) time.Duration
	now    func() time.Time

	mu      sync.Mutex // of the accounts too
	byToken map[model.ApiTokenID]*account
	sweepAt int
}

// account is a token's work.
type account struct {
	token   model.ApiTokenID
	paid    time.Time       // when all work done so far is paid
	busy    bool            // a subscription works, or waits until earlier work is paid
	waiting []chan struct{} // for their turn, the first first; closed when it comes
}

const (
	workBurst   = time.Second            // a token that has not worked for so long may do the work of that time at once
	workRecheck = time.Second            // how soon a shared subscription notices that another of its tokens may work
	workPatient = 100 * time.Millisecond // how long Try waits for another subscription of the token
)

// ErrBehind says that a token has no time left for now: try again in a second or two.
var ErrBehind = errors.New("the subscriptions of this API token take more time for their filters than they may: they fall behind")

// NewWork lets each token work for so long in every second; perSecond must be positive. A token whose bucket owes points does
// not work until they are paid: owes returns how long that takes.
func NewWork(perSecond time.Duration, owes func(model.ApiTokenID) time.Duration, now func() time.Time) *Work {
	return &Work{second: perSecond, owes: owes, now: now, byToken: map[model.ApiTokenID]*account{}, sweepAt: sweepLeast}
}

// Begin waits until a subscription may work, and returns a function that ends its turn. tokens are those that share the
// subscription, one at least, and may change meanwhile: it works at the expense of the one that has most time left, so
// none waits for a token that has none.
func (w *Work) Begin(ctx context.Context, tokens func() []model.ApiTokenID) (done func(), err error) {
	for {
		a, turn := w.enter(tokens())
		for came := turn == nil; ; {
			wait := workRecheck
			if came {
				if wait = min(wait, w.debt(a)); wait <= 0 {
					return w.turnOf(a), nil
				}
				turn = nil // only the time is waited for
			}
			select {
			case <-turn:
				came = true
				continue
			case <-time.After(wait):
			case <-ctx.Done():
				w.leave(a, turn)
				return nil, ctx.Err()
			}
			if w.best(tokens()) != a {
				break
			}
		}
		w.leave(a, turn)
	}
}

// Try is Begin without patience: it returns ErrBehind where Begin would wait until work is paid.
func (w *Work) Try(ctx context.Context, tokens func() []model.ApiTokenID) (done func(), err error) {
	a, turn := w.enter(tokens())
	if turn != nil && w.debt(a) <= 0 {
		select {
		case <-turn:
			turn = nil
		case <-time.After(workPatient):
		case <-ctx.Done():
			w.leave(a, turn)
			return nil, ctx.Err()
		}
	}
	if turn == nil && w.debt(a) <= 0 {
		return w.turnOf(a), nil
	}
	w.leave(a, turn)
	return nil, ErrBehind
}

// Paid returns ErrBehind if all tokens owe points.
func (w *Work) Paid(tokens []model.ApiTokenID) error {
	if w.debtOf(tokens) > 0 {
		return ErrBehind
	}
	return nil
}

// AwaitPaid waits until one of the tokens, which may change meanwhile, owes no points.
func (w *Work) AwaitPaid(ctx context.Context, tokens func() []model.ApiTokenID) error {
	for {
		wait := min(workRecheck, w.debtOf(tokens()))
		if wait <= 0 {
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// debtOf returns how long it takes until the first of the tokens, one at least, owes no points.
func (w *Work) debtOf(tokens []model.ApiTokenID) time.Duration {
	least := w.owes(tokens[0])
	for _, token := range tokens[1:] {
		least = min(least, w.owes(token))
	}
	return least
}

// enter takes the turn of the account that has most time left, and returns a nil channel; or it takes a place in the queue,
// and returns the channel that is closed when the turn comes.
func (w *Work) enter(tokens []model.ApiTokenID) (a *account, turn chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a = w.find(tokens)
	if !a.busy {
		a.busy = true
		return a, nil
	}
	turn = make(chan struct{})
	a.waiting = append(a.waiting, turn)
	return a, turn
}

// leave gives up a place in the queue, or the turn: the channel is nil, or has been closed meanwhile.
func (w *Work) leave(a *account, turn chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(a.waiting, turn); turn != nil && i >= 0 {
		a.waiting = slices.Delete(a.waiting, i, i+1)
		return
	}
	a.next()
}

// next gives the turn to the next who waits.
func (a *account) next() {
	if a.busy = len(a.waiting) > 0; a.busy {
		close(a.waiting[0])
		a.waiting = a.waiting[1:]
	}
}

func (w *Work) best(tokens []model.ApiTokenID) *account {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.find(tokens)
}

// find returns the account that has most time left, or where several have, the one whose queue is shortest. The caller
// holds the lock.
func (w *Work) find(tokens []model.ApiTokenID) (best *account) {
	now := w.now()
	for _, token := range tokens {
		a := w.byToken[token]
		if a == nil {
			w.sweep(now)
			a = &account{token: token, paid: now.Add(-workBurst)}
			w.byToken[token] = a
			if w.owes(token) <= 0 {
				return a
			}
		}
		if best == nil || w.comesBefore(a, best, now) {
			best = a
		}
	}
	return best
}

func (w *Work) comesBefore(a, other *account, now time.Time) bool {
	mine, others := later(w.paid(a, now), now), later(w.paid(other, now), now)
	return mine.Before(others) || mine.Equal(others) && (!a.busy && other.busy || len(a.waiting) < len(other.waiting))
}

// debt is how long the account must wait until its work is paid.
func (w *Work) debt(a *account) time.Duration {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.paid(a, now).Sub(now)
}

// paid returns when all work and all points of the account are paid. The caller holds the lock.
func (w *Work) paid(a *account, now time.Time) time.Time {
	if owes := w.owes(a.token); owes > 0 {
		return later(a.paid, now.Add(owes))
	}
	return a.paid
}

// turnOf begins a turn, and returns the function that ends it.
func (w *Work) turnOf(a *account) (done func()) {
	begun := w.now()
	return func() {
		took := w.now().Sub(begun)
		w.mu.Lock()
		defer w.mu.Unlock()
		a.paid = later(a.paid, begun.Add(-workBurst)).Add(time.Duration(float64(took) * float64(time.Second) / float64(w.second)))
		a.next()
	}
}

// sweep drops the accounts of tokens that have not worked for long. The caller holds the lock.
func (w *Work) sweep(now time.Time) {
	dropIdle(w.byToken, &w.sweepAt, func(a *account) bool { return !a.busy && !a.paid.After(now.Add(-workBurst)) })
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
