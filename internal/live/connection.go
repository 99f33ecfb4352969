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
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// connection follows the protocol on one socket: it decides which message may come when, and acts on it.
type connection struct {
	server      *Server
	socket      *conn.Socket
	writerIndex int               // which of the server's writers serves it
	subprotocol *wire.Subprotocol // nil for server-sent events and for an unknown sub-protocol
	exec        graphql.GraphExecutor
	header      http.Header // of the request, for operations
	remote      string
	readOnly    bool // mutations are refused, because the request was a GET

	// Only the reader touches these fields, and the goroutine of a message, for which the reader waits.
	initialised bool        // connection_init came
	session     *Session    // set before the acknowledgement
	initTimer   *time.Timer // closes a socket that does not send connection_init
	expiry      *time.Timer // closes a socket whose session expires; nil if it does not
}

func newConnection(s *Server, sock *conn.Socket, exec graphql.GraphExecutor, r *http.Request) *connection {
	return &connection{server: s, socket: sock, writerIndex: s.nextWriter(), exec: exec, header: operationHeader(r.Header), remote: r.RemoteAddr}
}

// operationHeader copies a request's headers without those of the connection, because a socket may stay open for days.
func operationHeader(header http.Header) http.Header {
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

// serve reads the socket until it ends, and returns when everything that runs for the socket has ended.
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
		text, began, ok := c.socket.Read(c.messageLimit(), c.hold)
		if !ok {
			break
		}
		// A goroutine of its own gives its stack back. The stack of the reader, which may wait for days, would never shrink.
		go func() {
			c.handle(text, began)
			handled <- struct{}{}
		}()
		<-handled
	}
	c.leave(start)
}

// leave ends everything that the connection owns, and logs its end.
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
	reason := c.socket.Finish()
	c.socket.WaitOperations()
	c.server.heartbeat.Remove(c.socket)

	level := slog.LevelDebug
	if reason == wire.SlowConsumer {
		level = slog.LevelInfo
	}
	c.server.options.Log.Log(context.Background(), level, "socket closed",
		"code", reason.Code, "reason", reason.Text, "remote", c.remote, "lasted", time.Since(start))
}

func (c *connection) handle(text []byte, began time.Time) {
	defer conn.RecoverPanic(c.server.options.Log, "handle a message", func() { c.socket.Close(wire.InternalError) })
	m, err := c.parse(text)
	if err != nil {
		c.socket.Close(wire.BadRequest(err.Error()))
		return
	}
	switch m.Kind {
	case wire.TypeInit:
		c.initialise(m.Payload)
	case wire.TypePing:
		c.socket.Reply(c.subprotocol.Pong(m.Payload))
	case wire.TypePong: // any message shows that the peer is alive
	case wire.TypeSubscribe:
		if c.session == nil {
			c.socket.Close(wire.Unauthorized)
			return
		}
		if c.subprotocol.Legacy {
			c.socket.Stop(m.ID) // in the reference implementation, the second operation replaces the first
		}
		m.Params.ReadTime = graphql.TraceTiming{Start: began, End: graphql.Now()}
		c.begin(m.ID, m.Params, nil)
	case wire.TypeComplete:
		c.socket.Stop(m.ID)
	case wire.TypeTerminate:
		c.socket.Close(wire.Done)
	}
}

// strangersMessage bounds the messages before the sign-in, in bytes: they have nothing but a token.
const strangersMessage = 16 << 10

func (c *connection) messageLimit() int64 {
	if limit := c.server.options.MaxMessageBytes; c.session != nil || limit < strangersMessage {
		return limit
	}
	return strangersMessage
}

// hold counts a long message while it arrives.
func (c *connection) hold(bytes int, cut func()) (release func()) {
	if c.session == nil {
		return func() {}
	}
	return c.server.options.Hold(c.session.Key, bytes, cut)
}

// longMessage is the number of bytes from which a session's messages are parsed one after the other.
const longMessage = 4 << 10

func (c *connection) parse(text []byte) (wire.ClientMessage, error) {
	if len(text) > longMessage && c.session != nil {
		defer c.server.options.Read(c.server.ctx, c.session.Key)()
	}
	return c.subprotocol.Parse(text)
}

// begin begins an operation of any kind (Protocol, Subscribe). It does not wait for the operation, so that the reader can
// take the client's next message, such as complete.
func (c *connection) begin(id string, params *graphql.RawParams, after *string) {
	op := &operation{connection: c, writerIndex: c.writerIndex}
	err := c.socket.Begin(&op.Operation, id)
	switch {
	case errors.Is(err, conn.ErrExists):
		c.socket.Close(wire.SubscriberExists(id))
	case errors.Is(err, conn.ErrTooMany):
		refused := wire.Refusal(c.exec.DispatchError(c.session.in(context.Background()), tooMany(c.server.options.MaxSubscriptionsPerSocket)))
		c.socket.Reply(c.socket.Codec.Message(nil, id, nil, refused))
	default:
		go c.run(op, params, after)
	}
}

func tooMany(limit int) gqlerror.List {
	return gqlerror.List{withCode(fault.CodeTooManySubscriptions, fmt.Sprintf("A socket may run at most %d operations at a time: complete one of them first.", limit))}
}
