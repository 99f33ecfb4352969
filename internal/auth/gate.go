package auth

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/closeloop/closeloop/internal/fault"
)

const (
	refusalsAtOnce = 20   // wrong tokens that an address may send before it waits
	refusalsEach   = 1.0  // further ones a second
	addressesMax   = 8192 // whose refusals are counted; the one that was quiet for longest is forgotten
)

// TooManyRefusals is the error for a wrong token from an address that has sent too many of them.
type TooManyRefusals struct{ Wait time.Duration }

func (e *TooManyRefusals) Error() string {
	return fmt.Sprintf("too many wrong API tokens came from your address: retry in %d s with a valid one", e.Seconds())
}

// Seconds is Wait rounded up to whole seconds, at least 1: the value of the HTTP header Retry-After.
func (e *TooManyRefusals) Seconds() int { return max(1, int(math.Ceil(e.Wait.Seconds()))) }

// RetryAfter is the time after which the address may send another token.
func (e *TooManyRefusals) RetryAfter() time.Duration { return time.Duration(e.Seconds()) * time.Second }

// Gate signs callers in who come over the network. An address that keeps sending wrong tokens waits; meanwhile a wrong
// token costs its hash and no statement. Valid tokens from the same address work on: an office shares one address.
type Gate struct {
	tokens *Tokens
	watch  Watch
	now    func() time.Time
	valid  *validHashes

	mu        sync.Mutex
	addresses *simplelru.LRU[netip.Prefix, *rate.Limiter]
}

// Watch is told of sign-ins: of the viewer, or of whose sign-in was refused and from where. A nil function is told
// nothing. Neither may wait.
type Watch struct {
	Accepted func(Viewer)
	Refused  func(Refusal)
}

// NewGate makes the gate to the tokens.
func NewGate(tokens *Tokens, watch Watch) *Gate {
	if watch.Accepted == nil {
		watch.Accepted = func(Viewer) {}
	}
	if watch.Refused == nil {
		watch.Refused = func(Refusal) {}
	}
	addresses, _ := simplelru.NewLRU[netip.Prefix, *rate.Limiter](addressesMax, nil) // the error is for a size below 1
	return &Gate{tokens: tokens, watch: watch, now: tokens.now, valid: newValidHashes(tokens), addresses: addresses}
}

// SignIn signs the owner of the secret in, like Tokens.SignIn. remote is the caller's address, with or without a port.
func (g *Gate) SignIn(ctx context.Context, remote, secret string) (*SignedIn, error) {
	address, hash := g.address(remote), hashOf(Hash(secret))
	known := g.tokens.owners.Contains(hash) // the first use of a valid token counts as well: whether it is valid is not known yet
	if !known && !address.AllowN(g.now(), 1) {
		// An error means that the database does not answer: the sign-in says so.
		if valid, err := g.valid.has(ctx, hash); err == nil && !valid {
			g.watch.Refused(Refusal{Address: hostOf(remote)})
			return nil, &TooManyRefusals{Wait: wait(address, g.now())}
		}
	}
	caller, refusal, err := g.tokens.signIn(ctx, hash)
	switch {
	case err == nil:
		caller.Address = hostOf(remote)
		g.watch.Accepted(caller.Viewer)
	case fault.Is(err, fault.CodeUnauthenticated):
		refusal.Address = hostOf(remote)
		g.watch.Refused(refusal)
		if known { // revoked or expired, and forgotten now: the next one counts from the start
			address.AllowN(g.now(), 1)
		}
	}
	return caller, err
}

// address returns the limiter of a caller's address. Callers of one IPv6 network of 64 bits, which one subscriber of a
// provider has, count as one address.
func (g *Gate) address(remote string) *rate.Limiter {
	network := networkOf(remote)
	g.mu.Lock()
	defer g.mu.Unlock()
	limiter, ok := g.addresses.Get(network)
	if !ok {
		limiter = rate.NewLimiter(refusalsEach, refusalsAtOnce)
		g.addresses.Add(network, limiter)
	}
	return limiter
}

// addressOf reads an address with or without a port. An unreadable one is the zero Addr, which all such callers share.
func addressOf(remote string) netip.Addr {
	address, err := netip.ParseAddr(remote)
	if err != nil {
		withPort, _ := netip.ParseAddrPort(remote)
		address = withPort.Addr()
	}
	return address.Unmap().WithZone("")
}

// hostOf is the address as the audit shows it; empty where it is unreadable.
func hostOf(remote string) string {
	if address := addressOf(remote); address.IsValid() {
		return address.String()
	}
	return ""
}

func networkOf(remote string) netip.Prefix {
	address := addressOf(remote)
	network, _ := address.Prefix(min(address.BitLen(), 64))
	return network
}

// wait is the time until the limiter allows one more.
func wait(l *rate.Limiter, now time.Time) time.Duration {
	return time.Duration((1 - l.TokensAt(now)) / refusalsEach * float64(time.Second))
}
