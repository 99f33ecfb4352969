package live

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/closeloop/closeloop/internal/live/wire"
)

// ErrUnavailable is the error that Options.SignIn wraps when it cannot check a token, because the database is unavailable.
// The caller should retry with the same token.
var ErrUnavailable = errors.New("sign-in is not available")

// Session is the signed-in caller of a socket.
type Session struct {
	// Context adds what resolvers need, such as the viewer, to the context of an operation. It is called for each
	// operation, so that what it adds (loaders) need not live as long as the socket. Nil: it adds nothing.
	Context func(ctx context.Context) context.Context
	// Key is passed to Options.Ended, such as the token's id. Several sockets may share a key. Empty: it is not passed.
	Key string
	// View describes as a text what the viewer may see and do: equal subscriptions are executed together only for
	// sessions with the same View. Context must not add anything that makes the answers of two such sessions differ,
	// unless the feed's Key distinguishes them.
	View string
	// Expires is the time when the session ends by itself. Zero: never.
	Expires time.Time
}

// in is Context, where there is one.
func (s *Session) in(ctx context.Context) context.Context {
	if s.Context == nil {
		return ctx
	}
	return s.Context(ctx)
}

// initialise answers connection_init (Protocol, ConnectionInit): it signs the caller in.
func (c *connection) initialise(payload json.RawMessage) {
	if c.initialised {
		c.socket.Close(wire.InitTwice)
		return
	}
	c.initialised = true
	c.initTimer.Stop() // if it has fired already, the socket is closing, and the rest of this function does no harm

	session, refused := c.server.signIn(c.server.ctx, c.remote, c.header, payload)
	if refused != wire.None {
		c.socket.Close(refused)
		return
	}
	if c.admit(session) {
		c.socket.Reply(c.subprotocol.Ack())
	}
}

// signIn returns the caller's session, or the reason to close the connection.
func (s *Server) signIn(ctx context.Context, remote string, header http.Header, payload json.RawMessage) (*Session, wire.CloseReason) {
	token, ok := wire.Bearer(header.Get("Authorization"), payload)
	if !ok {
		return nil, wire.Forbidden
	}
	s.signingIn.Add(1)
	defer s.signingIn.Add(-1)
	limited, cancel := context.WithTimeout(ctx, s.options.InitTimeout)
	defer cancel()
	session, err := s.options.SignIn(limited, remote, token)
	var later interface{ RetryAfter() time.Duration }
	switch {
	case err != nil && errors.Is(limited.Err(), context.DeadlineExceeded):
		return nil, wire.InitTimeout
	case errors.As(err, &later):
		return nil, wire.TooManyRefusals(later.RetryAfter())
	case errors.Is(err, ErrUnavailable):
		s.options.Log.Warn("cannot check a sign-in", "error", err)
		return nil, wire.TryAgainLater(s.busy())
	case err != nil:
		s.options.Log.Debug("sign-in refused", "error", err)
		return nil, wire.Forbidden
	}
	return &session, wire.None
}

// admit accepts a signed-in caller until the session ends; false means that the socket closes.
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
		c.socket.Close(wire.TooManyOfToken(c.server.options.MaxSocketsPerToken, c.server.busy()))
		return false
	}
	c.session = session
	c.header.Del("Authorization") // the token is not needed any more
	return true
}
