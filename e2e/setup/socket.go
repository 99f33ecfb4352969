package setup

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/model"
)

// Socket is a client of the protocol graphql-transport-ws. A goroutine of its own reads the connection from the start:
// the server ends a connection whose client does not answer its pings, and a test may do other work for longer than that.
type Socket struct {
	t        testing.TB
	conn     *websocket.Conn
	incoming chan Message // closed after the first error
	end      error        // that error, set before incoming is closed
}

// waiting is how many messages a test may leave unread; the reader waits when there are more.
const waiting = 10_000

// Message is one message of the protocol.
type Message struct {
	ID, Type string
	Payload  any
}

// Connect opens a socket and sends connection_init with the payload. The caller reads the answer.
func (s *Server) Connect(header http.Header, payload any) *Socket {
	s.T.Helper()
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, _, err := d.DialContext(s.T.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/graphql", header)
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { _ = conn.Close() })
	c := &Socket{t: s.T, conn: conn, incoming: make(chan Message, waiting)}
	go c.receive()
	c.Send(Vars{"type": "connection_init", "payload": payload})
	return c
}

// SignIn opens a socket with the token, which must be acknowledged.
func (s *Server) SignIn(token string) *Socket {
	s.T.Helper()
	c := s.Connect(nil, Vars{"token": token})
	if m, err := c.Read(); err != nil || m.Type != "connection_ack" {
		s.T.Fatalf("sign in on a socket: %+v, %v", m, err)
	}
	return c
}

// Watch subscribes to caseEvents on a new socket. The arguments are in parentheses, or empty; the selection is of the event.
func (s *Server) Watch(role model.Role, arguments, selection string) *Socket {
	s.T.Helper()
	c := s.SignIn(s.Tokens[role])
	c.Subscribe("subscription {caseEvents" + arguments + " {cursor matches node {" + selection + "}}}")
	return c
}

// Subscribe sends an operation with the id 1.
func (c *Socket) Subscribe(query string) {
	c.t.Helper()
	c.Send(Vars{"id": "1", "type": "subscribe", "payload": Vars{"query": query}})
}

// Send sends a message.
func (c *Socket) Send(m any) {
	c.t.Helper()
	if err := c.conn.WriteJSON(m); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads the connection until it ends, or the test does.
func (c *Socket) receive() {
	defer close(c.incoming)
	for {
		var m Message
		if c.end = c.conn.ReadJSON(&m); c.end != nil {
			return
		}
		select {
		case c.incoming <- m:
		case <-c.t.Context().Done():
			return
		}
	}
}

// Read returns the next message, or the error that ended the connection.
func (c *Socket) Read() (Message, error) {
	select {
	case m, open := <-c.incoming:
		if !open {
			return m, c.end
		}
		return m, nil
	case <-time.After(Patience):
		return Message{}, fmt.Errorf("no message within %s", Patience)
	}
}

// Next is the next event.
func (c *Socket) Next() Tree {
	c.t.Helper()
	return c.NextEdge().At("node")
}

// NextEdge is the next event, with what its subscription says of it.
func (c *Socket) NextEdge() Tree {
	c.t.Helper()
	m, err := c.Read()
	if err != nil || m.Type != "next" {
		c.t.Fatalf("no event: %+v, %v", m, err)
	}
	e := Tree{V: m.Payload}
	if len(e.List("errors")) > 0 {
		c.t.Fatalf("an event with errors: %v", m.Payload)
	}
	return e.At("data.caseEvents")
}

// Refused reads the error message that ends the subscription, and returns its code.
func (c *Socket) Refused() string {
	c.t.Helper()
	m, err := c.Read()
	if err != nil || m.Type != "error" {
		c.t.Fatalf("no error message: %+v, %v", m, err)
	}
	return Tree{V: m.Payload}.Text("0.extensions.code")
}

// Closed reads on to the close frame and returns its code.
func (c *Socket) Closed() int {
	c.t.Helper()
	for {
		_, err := c.Read()
		var end *websocket.CloseError
		if errors.As(err, &end) {
			return end.Code
		}
		if err != nil {
			c.t.Fatalf("no close frame: %v", err)
		}
	}
}

// Close closes the connection.
func (c *Socket) Close() { _ = c.conn.Close() }

// Cut ends the connection as a broken network does, without a close frame.
func (c *Socket) Cut() { _ = c.conn.NetConn().Close() }

// Collect reads n events of the selection CaseOfEvent, and returns their cases and the last cursor. Any goroutine may
// call it.
func (c *Socket) Collect(n int) (cases []string, last string, err error) {
	for len(cases) < n {
		m, err := c.Read()
		e := Tree{V: m.Payload}.At("data.caseEvents.node")
		if err != nil || m.Type != "next" || e.Missing("cursor") {
			return cases, last, fmt.Errorf("after %d events: %+v, %w", len(cases), m, err)
		}
		cases, last = append(cases, e.Text("snapshot.caseId")), e.Text("cursor")
	}
	return cases, last, nil
}
