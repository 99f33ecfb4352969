package live

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"
)

// Options configure a Server. A zero value stands for the default that is named at the field.
type Options struct {
	// SignIn says who the bearer of a token is. An error means: not signed in; the socket is closed with
	// 4403; one that wraps ErrUnavailable closes it with 1013. It is asked once per socket, for InitTimeout at most. Nil: nobody is signed in.
	SignIn func(ctx context.Context, bearer string) (Session, error)
	// Ended returns those of the keys whose sessions are over: the token is revoked, the user inactive,
	// the role another one. It is asked every CheckInterval for all sockets together, each key once, for
	// five seconds at most. An error means 'unknown': the sessions go on. Nil: none ends so.
	Ended func(ctx context.Context, keys []string) ([]string, error)
	// Log gets one line for each socket that ends and for each panic. Nil: nothing is logged.
	Log *slog.Logger

	InitTimeout   time.Duration // for connection_init after the upgrade, and again for SignIn; 3 s
	PingInterval  time.Duration // between pings; a peer that leaves two of them unanswered is cut off; 20 s
	WriteTimeout  time.Duration // for one message to be taken by the peer, else it is cut off; 10 s
	CloseTimeout  time.Duration // for the peer to answer a close frame; 1 s
	CheckInterval time.Duration // between two questions to Ended; 1 s

	// MaxMessageBytes bounds a client's message; a longer one closes the socket with 1009. 256 KiB.
	MaxMessageBytes int64
	// MaxSubscriptionsPerSocket bounds the operations, of any kind, that are active on one socket at a
	// time; one more is answered by an error message with the code TOO_MANY_SUBSCRIPTIONS. 100.
	MaxSubscriptionsPerSocket int
	// MaxSocketsPerToken bounds the sockets and streams of one Session.Key; one more is closed with 4509. 1,000.
	MaxSocketsPerToken int
	// MaxSockets bounds the sockets and streams of the server; one more is refused with 503 at its upgrade. 20,000.
	MaxSockets int
}

func (o Options) withDefaults() Options {
	if o.SignIn == nil {
		o.SignIn = func(context.Context, string) (Session, error) {
			return Session{}, errors.New("nobody can sign in here")
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.InitTimeout = cmp.Or(o.InitTimeout, 3*time.Second)
	o.PingInterval = cmp.Or(o.PingInterval, 20*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 10*time.Second)
	o.CloseTimeout = cmp.Or(o.CloseTimeout, time.Second)
	o.CheckInterval = cmp.Or(o.CheckInterval, time.Second)
	o.MaxMessageBytes = cmp.Or(o.MaxMessageBytes, 256<<10)
	o.MaxSubscriptionsPerSocket = cmp.Or(o.MaxSubscriptionsPerSocket, 100)
	o.MaxSocketsPerToken = cmp.Or(o.MaxSocketsPerToken, 1000)
	o.MaxSockets = cmp.Or(o.MaxSockets, 20_000)
	return o
}
