package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// connection follows the protocol on one socket: which message may come when, and what it leads to.
type connection struct {
	options    Options
	watch      *watch
	socket     *socket
	exec       graphql.GraphExecutor
	header     http.Header // of the upgrade request
	remote     string
	operations *operations

	// Only the reader touches these.
	initialised bool        // connection_init came
	session     *Session    // set once it was acknowledged
	initTimer   *time.Timer // closes a socket that does not send connection_init
	expiry      *time.Timer // closes a socket whose session expires; nil if it does not
}

func newConnection(s *Server, sock *socket, exec graphql.GraphExecutor, r *http.Request) *connection {
	return &connection{
		options:    s.options,
		watch:      s.watch,
		socket:     sock,
		exec:       exec,
		header:     r.Header,
		remote:     r.RemoteAddr,
		operations: newOperations(s.options.MaxSubscriptionsPerSocket),
	}
}

// serve reads the socket until it ends, and returns when all that runs for it has ended too.
func (c *connection) serve(ctx context.Context) {
	start := time.Now()
	go c.socket.write()
	c.initTimer = time.AfterFunc(c.options.InitTimeout, func() { c.socket.close(initTimeout) })
	if c.socket.conn.Subprotocol() != subprotocol {
		c.socket.close(notAcceptable)
	}
	for {
		text, began, ok := c.socket.next()
		if !ok {
			break
		}
		c.handle(ctx, text, began)
	}
	c.initTimer.Stop()
	if c.expiry != nil {
		c.expiry.Stop()
	}
	if c.session != nil {
		c.watch.leave(c.session.Key, c.socket)
	}
	e := c.socket.finish()
	c.operations.wait()

	level := slog.LevelDebug
	if e == slowConsumer {
		level = slog.LevelInfo
	}
	c.options.Log.Log(ctx, level, "socket closed",
		"code", e.code, "reason", e.reason, "remote", c.remote, "lasted", time.Since(start))
}

func (c *connection) handle(ctx context.Context, text []byte, began time.Time) {
	defer survive(c.options.Log, "handle a message", func() { c.socket.close(internalError) })
	m, err := parse(text)
	if err != nil {
		c.socket.close(badRequest(err.Error()))
		return
	}
	switch m.kind {
	case typeInit:
		c.initialise(ctx, m.payload)
	case typePing:
		c.socket.answer(frame{kind: websocket.TextMessage, data: pongMessage(m.payload)})
	case typePong: // that something came is all that counts
	case typeSubscribe:
		m.params.Headers = c.header
		m.params.ReadTime = graphql.TraceTiming{Start: began, End: graphql.Now()}
		c.subscribe(ctx, m)
	case typeComplete:
		c.operations.stop(m.id)
	}
}

// subscribe begins an operation of any kind (Protocol, Subscribe). It does not wait for anything that the
// operation does, so that the reader stays free for the client's next message, such as its complete.
func (c *connection) subscribe(ctx context.Context, m message) {
	if c.session == nil {
		c.socket.close(unauthorized)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	op, err := c.operations.begin(m.id, cancel)
	switch {
	case errors.Is(err, errExists):
		cancel()
		c.socket.close(subscriberExists(m.id))
	case errors.Is(err, errTooMany):
		cancel()
		c.socket.answer(frame{kind: websocket.TextMessage, data: errorMessage(m.id, tooMany(c.operations.max))})
	default:
		go c.run(graphql.StartOperationTrace(ctx), op, *c.session, m.params)
	}
}

func tooMany(limit int) gqlerror.List {
	return gqlerror.List{{
		Message:    fmt.Sprintf("A socket has %d operations at a time: complete one of them first.", limit),
		Extensions: map[string]any{"code": "TOO_MANY_SUBSCRIPTIONS"},
	}}
}
