package live

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"
)

// Options configure a Server. A zero value means the default, which is the last figure of the field's comment.
type Options struct {
	// SignIn returns the session of a token's bearer, who calls from the address remote. An error closes the socket with
	// 4403, an error that wraps ErrUnavailable with 1013, and an error that has a method RetryAfter with 4510. SignIn is
	// called once per socket and may take InitTimeout. Nil: signing in fails.
	SignIn func(ctx context.Context, remote, bearer string) (Session, error)
	// Ended returns the keys whose sessions have ended, because the token was revoked or the user is inactive, and those whose
	// rights have changed, which may come back with the same token: their sockets are closed with 4511. It is called every CheckInterval for all sockets together, with each key once, and may take five seconds. An
	// error means "unknown": the sessions continue. Nil: no session ends this way.
	Ended func(ctx context.Context, keys []string) (ended, changed []string, err error)
	// Hold counts a large answer of the session with this key while the peer has not taken it, or a large message while it
	// arrives, until release is called. It may call cut, which ends the socket. Nil: nothing is counted.
	Hold func(key string, bytes int, cut func()) (release func())
	// Read waits until no other long message of the session with this key is parsed; the server calls done when it has parsed the
	// message. Nil: messages are parsed as they come.
	Read func(ctx context.Context, key string) (done func())
	// Log gets a line for each socket that ends and for each panic. Nil: nothing is logged.
	Log *slog.Logger

	InitTimeout   time.Duration // for connection_init after the upgrade, and again for SignIn; 3 s
	PingInterval  time.Duration // between pings; a peer that leaves two pings unanswered is cut off; 20 s
	WriteTimeout  time.Duration // for the peer to take one message, or the peer is cut off; 10 s
	ReadTimeout   time.Duration // for the peer to send a message, and again for each 64 KiB of it, or the peer is cut off; 10 s
	CloseTimeout  time.Duration // for the peer to answer a close frame; 1 s
	CheckInterval time.Duration // between two calls of Ended; 1 s

	// MaxMessageBytes bounds a client's message; a longer message closes the socket with 1009. 256 KiB, and before the
	// sign-in 16 KiB at most.
	MaxMessageBytes int64
	// MaxSubscriptionsPerSocket bounds the operations, of any kind, that are active on one socket at a
	// time; one more operation gets an error message with the code TOO_MANY_SUBSCRIPTIONS. 100.
	MaxSubscriptionsPerSocket int
	// MaxSocketsPerToken bounds the sockets and streams of one Session.Key; one more socket is closed with 4509. 1,000.
	MaxSocketsPerToken int
	// MaxCatchingUp bounds how many subscriptions that are behind are executed at a time; the others wait for their turn. Two
	// for each processor, because an execution may wait for the database.
	MaxCatchingUp int
	// MaxSockets bounds the sockets and streams of the server; one more is refused with 503 before its upgrade. 20,000.
	MaxSockets int
}

func (o Options) withDefaults() Options {
	if o.SignIn == nil {
		o.SignIn = func(context.Context, string, string) (Session, error) {
			return Session{}, errors.New("signing in is not possible: Options.SignIn is not set")
		}
	}
	if o.Hold == nil {
		o.Hold = func(string, int, func()) func() { return func() {} }
	}
	if o.Read == nil {
		o.Read = func(context.Context, string) func() { return func() {} }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.InitTimeout = cmp.Or(o.InitTimeout, 3*time.Second)
	o.PingInterval = cmp.Or(o.PingInterval, 20*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 10*time.Second)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, 10*time.Second)
	o.CloseTimeout = cmp.Or(o.CloseTimeout, time.Second)
	o.CheckInterval = cmp.Or(o.CheckInterval, time.Second)
	o.MaxMessageBytes = cmp.Or(o.MaxMessageBytes, 256<<10)
	o.MaxSubscriptionsPerSocket = cmp.Or(o.MaxSubscriptionsPerSocket, 100)
	o.MaxSocketsPerToken = cmp.Or(o.MaxSocketsPerToken, 1000)
	o.MaxCatchingUp = cmp.Or(o.MaxCatchingUp, 2*runtime.GOMAXPROCS(0))
	o.MaxSockets = cmp.Or(o.MaxSockets, 20_000)
	return o
}
