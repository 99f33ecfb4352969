package live

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// ErrUnavailable is what Options.SignIn wraps where it cannot tell who the caller is, because the database is away: the
// caller is to come back, not to look for another token.
var ErrUnavailable = errors.New("sign-in is not available")

// Session is one signed-in caller of a socket.
type Session struct {
	// Context adds what resolvers need, the viewer, to an operation's context. It is called for each
	// operation, so that what it adds (loaders) need not live as long as the socket. Nil: nothing.
	Context func(ctx context.Context) context.Context
	// Key is what Options.Ended is asked about, such as the token's id. Several sockets may share one.
	// Empty: it is not asked.
	Key string
	// View is what the viewer may see and do, as a text: equal subscriptions are executed together only for sessions
	// whose views are the same. Context must not put in what makes the answers of two such sessions differ, unless the
	// feed's Key tells them apart.
	View string
	// Expires is when the session ends by itself. Zero: never.
	Expires time.Time
}

// initialise answers connection_init (Protocol, ConnectionInit): it signs the caller in.
func (c *connection) initialise(payload json.RawMessage) {
	if c.initialised {
		c.socket.Close(wire.InitTwice)
		return
	}
	c.initialised = true
	c.initTimer.Stop() // had it fired already, the socket is closing and this does no harm

	session, e := c.server.signIn(c.server.ctx, c.header, payload)
	if e != wire.None {
		c.socket.Close(e)
		return
	}
	if c.admit(session) {
		c.socket.Reply(c.subprotocol.Ack())
	}
}

// signIn tells who the caller is, or how the connection ends.
func (s *Server) signIn(ctx context.Context, header http.Header, payload json.RawMessage) (*Session, wire.CloseReason) {
	token, ok := wire.Bearer(header.Get("Authorization"), payload)
	if !ok {
		return nil, wire.Forbidden
	}
	limited, cancel := context.WithTimeout(ctx, s.options.InitTimeout)
	defer cancel()
	session, err := s.options.SignIn(limited, token)
	switch {
	case err != nil && errors.Is(limited.Err(), context.DeadlineExceeded):
		return nil, wire.InitTimeout
	case errors.Is(err, ErrUnavailable):
		s.options.Log.Warn("sign-in could not be checked", "error", err)
		return nil, wire.TryAgainLater
	case err != nil:
		s.options.Log.Debug("sign-in refused", "error", err)
		return nil, wire.Forbidden
	}
	return &session, wire.None
}

// admit lets a signed-in caller in, for as long as the session lasts; false: the socket closes.
func (c *connection) admit(session *Session) bool {
	if !session.Expires.IsZero() {
		left := time.Until(session.Expires)
		if left <= 0 {
			c.socket.Close(wire.Forbidden)
			return false
		}
		c.expiry = time.AfterFunc(left, func() { c.socket.Close(wire.Forbidden) })
	}
	if !c.server.sessions.Join(session.Key, c.socket) {
		c.socket.Close(wire.TooManyOfToken(c.server.options.MaxSocketsPerToken))
		return false
	}
	c.session = session
	c.header.Del("Authorization") // the secret is not needed any more
	return true
}
