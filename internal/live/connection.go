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
	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// connection follows the protocol on one socket: which message may come when, and what it leads to.
type connection struct {
	server      *Server
	socket      *conn.Socket
	writer      int               // which of the server's writers serves it
	subprotocol *wire.Subprotocol // nil: server-sent events
	exec        graphql.GraphExecutor
	header      http.Header // of the request, what operations may want to see
	remote      string
	readOnly    bool // a GET must not change anything

	// Only the reader touches these, and whoever it waits for.
	initialised bool        // connection_init came
	session     *Session    // set once it was acknowledged
	initTimer   *time.Timer // closes a socket that does not send connection_init
	expiry      *time.Timer // closes a socket whose session expires; nil if it does not
}

func newConnection(s *Server, sock *conn.Socket, exec graphql.GraphExecutor, r *http.Request) *connection {
	return &connection{server: s, socket: sock, writer: s.nextWriter(), exec: exec, header: kept(r.Header), remote: r.RemoteAddr}
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
	c.initTimer = time.AfterFunc(c.server.options.InitTimeout, func() { c.socket.Close(wire.InitTimeout) })
	if c.subprotocol == nil {
		c.socket.Close(wire.NotAcceptable)
	}
	handled := make(chan struct{}, 1)
	for {
		text, began, ok := c.socket.Read()
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
		c.server.sessions.Leave(c.session.Key, c.socket)
	}
	e := c.socket.Finish()
	c.socket.WaitOperations()
	c.server.heartbeat.Remove(c.socket)

	level := slog.LevelDebug
	if e == wire.SlowConsumer {
		level = slog.LevelInfo
	}
	c.server.options.Log.Log(context.Background(), level, "socket closed",
		"code", e.Code, "reason", e.Text, "remote", c.remote, "lasted", time.Since(start))
}

func (c *connection) handle(text []byte, began time.Time) {
	defer conn.RecoverPanic(c.server.options.Log, "handle a message", func() { c.socket.Close(wire.InternalError) })
	m, err := c.subprotocol.Parse(text)
	if err != nil {
		c.socket.Close(wire.BadRequest(err.Error()))
		return
	}
	switch m.Kind {
	case wire.TypeInit:
		c.initialise(m.Payload)
	case wire.TypePing:
		c.socket.Reply(c.subprotocol.Pong(m.Payload))
	case wire.TypePong: // that something came is all that counts
	case wire.TypeSubscribe:
		if c.session == nil {
			c.socket.Close(wire.Unauthorized)
			return
		}
		if c.subprotocol.Legacy {
			c.socket.Stop(m.ID) // as its reference implementation has it, a second one takes the place of the first
		}
		m.Params.ReadTime = graphql.TraceTiming{Start: began, End: graphql.Now()}
		c.begin(m.ID, m.Params, nil)
	case wire.TypeComplete:
		c.socket.Stop(m.ID)
	case wire.TypeTerminate:
		c.socket.Close(wire.Done)
	}
}

// begin begins an operation of any kind (Protocol, Subscribe). It does not wait for anything that the
// operation does, so that the reader stays free for the client's next message, such as its complete.
func (c *connection) begin(id string, params *graphql.RawParams, after *string) {
	op := &operation{connection: c, writer: c.writer}
	err := c.socket.Begin(&op.Operation, id)
	switch {
	case errors.Is(err, conn.ErrExists):
		c.socket.Close(wire.SubscriberExists(id))
	case errors.Is(err, conn.ErrTooMany):
		e := &wire.Message{Kind: wire.Error, Data: wire.AppendErrors(nil, tooMany(c.server.options.MaxSubscriptionsPerSocket))}
		c.socket.Reply(c.socket.Codec.Message(nil, id, nil, e))
	default:
		go c.run(op, params, after)
	}
}

func tooMany(limit int) gqlerror.List {
	return gqlerror.List{{
		Message:    fmt.Sprintf("A socket has %d operations at a time: complete one of them first.", limit),
		Extensions: map[string]any{"code": "TOO_MANY_SUBSCRIPTIONS"},
	}}
}
