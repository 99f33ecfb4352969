package live

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
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
	// Expires is when the session ends by itself. Zero: never.
	Expires time.Time
}

// initialise answers connection_init (Protocol, ConnectionInit): it signs the caller in.
func (c *connection) initialise(ctx context.Context, payload json.RawMessage) {
	if c.initialised {
		c.socket.close(initTwice)
		return
	}
	c.initialised = true
	c.initTimer.Stop() // had it fired already, the socket is closing and this does no harm

	token, ok := bearer(c.header, payload)
	if !ok {
		c.socket.close(forbidden)
		return
	}
	limited, cancel := context.WithTimeout(ctx, c.options.InitTimeout)
	defer cancel()
	session, err := c.options.SignIn(limited, token)
	switch {
	case err != nil && errors.Is(limited.Err(), context.DeadlineExceeded):
		c.socket.close(initTimeout)
		return
	case errors.Is(err, ErrUnavailable):
		c.options.Log.Warn("sign-in could not be checked", "error", err)
		c.socket.close(tryAgain)
		return
	case err != nil:
		c.options.Log.Debug("sign-in refused", "error", err)
		c.socket.close(forbidden)
		return
	}
	if !session.Expires.IsZero() {
		left := time.Until(session.Expires)
		if left <= 0 {
			c.socket.close(forbidden)
			return
		}
		c.expiry = time.AfterFunc(left, func() { c.socket.close(forbidden) })
	}
	c.session = &session
	c.watch.join(session.Key, c.socket)
	c.socket.answer(frame{kind: websocket.TextMessage, data: ackMessage()})
}

// bearer finds the token of a caller: in the payload of connection_init, as {"Authorization": "Bearer …"}
// or {"token": "…"} with keys in any case, for a browser cannot set headers here; else in the header of
// the upgrade request (RFC 6750, section 2.1). What the payload holds wins, even where it is no token.
func bearer(header http.Header, payload json.RawMessage) (token string, ok bool) {
	value := header.Get("Authorization")
	var o object
	if !isObject(payload, &o) {
		return "", false
	}
	if raw := member(o, "authorization"); raw != nil {
		if !isString(raw, &value) {
			return "", false
		}
	} else if raw := member(o, "token"); raw != nil {
		return token, isString(raw, &token)
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(value), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// member returns a member whatever its key's case; nil where it is missing, null or an empty string,
// which is what clients send that have no token.
func member(o object, name string) json.RawMessage {
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if raw := o[key]; strings.EqualFold(key, name) && present(raw) && string(raw) != `""` {
			return raw
		}
	}
	return nil
}
