package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// connection follows the protocol on one socket: which message may come when, and what it leads to.
type connection struct {
	server     *Server
	socket     *socket
	words      *words // nil: server-sent events
	exec       graphql.GraphExecutor
	header     http.Header // of the request, what operations may want to see
	remote     string
	operations *operations
	readOnly   bool // a GET must not change anything

	// Only the reader touches these, and whoever it waits for.
	initialised bool        // connection_init came
	session     *Session    // set once it was acknowledged
	initTimer   *time.Timer // closes a socket that does not send connection_init
	expiry      *time.Timer // closes a socket whose session expires; nil if it does not
}

func newConnection(s *Server, sock *socket, exec graphql.GraphExecutor, r *http.Request) *connection {
	c := &connection{
		server:     s,
		socket:     sock,
		exec:       exec,
		header:     kept(r.Header),
		remote:     r.RemoteAddr,
		operations: newOperations(s.options.MaxSubscriptionsPerSocket),
	}
	sock.closed = c.operations.end
	return c
}

// kept are a request's headers without those of the connection, which are done with; a socket may stay for days.
func kept(header http.Header) http.Header {
	h := http.Header{}
	for name, values := range header {
		switch {
		case name == "Connection", name == "Upgrade", strings.HasPrefix(name, "Sec-Websocket-"):
		default:
			h[name] = slices.Clone(values)
		}
	}
	return h
}

// serve reads the socket until it ends, and returns when all that runs for it has ended too.
func (c *connection) serve() {
	defer c.server.release()
	start := time.Now()
	c.server.enter(c.socket)
	c.initTimer = time.AfterFunc(c.server.options.InitTimeout, func() { c.socket.close(initTimeout) })
	if c.words == nil {
		c.socket.close(notAcceptable)
	}
	handled := make(chan struct{}, 1)
	for {
		text, began, ok := c.socket.next()
		if !ok {
			break
		}
		// On a stack that is given back: that of a reader that waits for days would stay as large as it ever was.
		go func() {
			c.handle(text, began)
			handled <- struct{}{}
		}()
		<-handled
	}
	c.leave(start)
}

// leave ends all that the connection has, and says so.
func (c *connection) leave(start time.Time) {
	if c.initTimer != nil {
		c.initTimer.Stop()
	}
	if c.expiry != nil {
		c.expiry.Stop()
	}
	if c.session != nil {
		c.server.watch.leave(c.session.Key, c.socket)
	}
	e := c.socket.finish()
	c.operations.wait()
	c.server.leave(c.socket)

	level := slog.LevelDebug
	if e == slowConsumer {
		level = slog.LevelInfo
	}
	c.server.options.Log.Log(context.Background(), level, "socket closed",
		"code", e.code, "reason", e.reason, "remote", c.remote, "lasted", time.Since(start))
}

func (c *connection) handle(text []byte, began time.Time) {
	defer survive(c.server.options.Log, "handle a message", func() { c.socket.close(internalError) })
	m, err := c.words.parse(text)
	if err != nil {
		c.socket.close(badRequest(err.Error()))
		return
	}
	switch m.kind {
	case typeInit:
		c.initialise(m.payload)
	case typePing:
		c.socket.answer(c.words.pong(m.payload))
	case typePong: // that something came is all that counts
	case typeSubscribe:
		if c.session == nil {
			c.socket.close(unauthorized)
			return
		}
		if c.words.legacy {
			c.operations.stop(m.id) // as its reference implementation has it, a second one takes the place of the first
		}
		m.params.ReadTime = graphql.TraceTiming{Start: began, End: graphql.Now()}
		c.begin(m.id, m.params, nil)
	case typeComplete:
		c.operations.stop(m.id)
	case typeTerminate:
		c.socket.close(done)
	}
}

// begin begins an operation of any kind (Protocol, Subscribe). It does not wait for anything that the
// operation does, so that the reader stays free for the client's next message, such as its complete.
func (c *connection) begin(id string, params *graphql.RawParams, after *string) {
	op, err := c.operations.begin(id)
	switch {
	case errors.Is(err, errExists):
		c.socket.close(subscriberExists(id))
	case errors.Is(err, errTooMany):
		refused := &operation{id: id, of: c.operations}
		e := &entry{kind: failed, data: appendErrors(nil, tooMany(c.operations.max))}
		c.socket.answer(c.socket.protocol.entry(nil, refused, e))
	default:
		op.conn, op.socket, op.head = c, c.socket, c.socket.protocol.head(id)
		go c.run(op, params, after)
	}
}

func tooMany(limit int) gqlerror.List {
	return gqlerror.List{{
		Message:    fmt.Sprintf("A socket has %d operations at a time: complete one of them first.", limit),
		Extensions: map[string]any{"code": "TOO_MANY_SUBSCRIPTIONS"},
	}}
}
