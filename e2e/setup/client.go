//go:build ignore

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/model"
)

// vars are GraphQL variables.
type vars = map[string]any

// answer is what came back over HTTP.
type answer struct {
	tree   // data
	status int
	body   string
	errors []problem
}

type problem struct {
	Message    string
	Path       []any
	Extensions vars
}

func (p problem) code() string     { s, _ := p.Extensions["code"].(string); return s }
func (p problem) argument() string { s, _ := p.Extensions["argument"].(string); return s }

// code is that of the first error; empty where there is none.
func (a *answer) code() string {
	if len(a.errors) == 0 {
		return ""
	}
	return a.errors[0].code()
}

// gql sends one operation. It may be called from any goroutine.
func (s *testServer) gql(role model.Role, query string, v vars) *answer {
	body, err := json.Marshal(map[string]any{"query": query, "variables": v})
	if err != nil {
		panic(err)
	}
	if in, ok := v["input"].(vars); ok {
		if file, ok := in["file"].(csvText); ok {
			return s.upload(role, query, v, file)
		}
	}
	return s.post(s.tokens[role], body)
}

// csvText is the text of a file that goes with a request, as the variable $input.file.
type csvText string

// upload sends a request with its file (graphql-multipart-request-spec).
func (s *testServer) upload(role model.Role, query string, v vars, file csvText) *answer {
	in := maps.Clone(v["input"].(vars))
	in["file"] = nil
	operations, err := json.Marshal(map[string]any{"query": query, "variables": vars{"input": in}})
	if err != nil {
		panic(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	err = errors.Join(form.WriteField("operations", string(operations)), form.WriteField("map", `{"0": ["variables.input.file"]}`))
	part, made := form.CreateFormFile("0", "responses.csv")
	if err = errors.Join(err, made); err == nil {
		_, err = io.WriteString(part, string(file))
	}
	if err = errors.Join(err, form.Close()); err != nil {
		panic(err)
	}
	return s.send(s.tokens[role], form.FormDataContentType(), &body)
}

func (s *testServer) post(token string, body []byte) *answer {
	return s.send(token, "application/json", bytes.NewReader(body))
}

func (s *testServer) send(token, media string, body io.Reader) *answer {
	a := &answer{tree: tree{t: s.t}}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/graphql", body)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Content-Type", media)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Errorf("POST: %v", err)
		return a
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	var decoded struct {
		Data   any
		Errors []problem
	}
	if err := errors.Join(err, json.Unmarshal(text, &decoded)); err != nil {
		s.t.Errorf("status %d: %v: %.500s", response.StatusCode, err, text)
	}
	a.status, a.body, a.v, a.errors = response.StatusCode, string(text), decoded.Data, decoded.Errors
	return a
}

// ok sends an operation that must succeed.
func (s *testServer) ok(role model.Role, query string, v vars) *answer {
	s.t.Helper()
	a := s.gql(role, query, v)
	if len(a.errors) > 0 || a.v == nil {
		s.t.Fatalf("%s as %s: status %d: %s", query, role, a.status, a.body)
	}
	return a
}

// tree is decoded JSON. A path is names and numbers with dots between them.
type tree struct {
	t *testing.T
	v any
}

func (n tree) at(path string) tree {
	v := n.v
	for step := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(in) {
				v = in[i]
				continue
			}
			v = nil
		default:
			v = nil
		}
	}
	return tree{n.t, v}
}

func (n tree) text(path string) string { s, _ := n.at(path).v.(string); return s }
func (n tree) number(path string) int  { f, _ := n.at(path).v.(float64); return int(f) }
func (n tree) truth(path string) bool  { b, _ := n.at(path).v.(bool); return b }
func (n tree) missing(path string) bool {
	return n.at(path).v == nil
}

func (n tree) list(path string) []tree {
	items, _ := n.at(path).v.([]any)
	list := make([]tree, len(items))
	for i, item := range items {
		list[i] = tree{n.t, item}
	}
	return list
}

// socket is a client of the protocol graphql-transport-ws. A goroutine of its own reads the connection from the start:
// the server ends a connection whose client does not answer its pings, and a test may do other work for longer than that.
type socket struct {
	t        *testing.T
	conn     *websocket.Conn
	incoming chan message // closed after the first error
	end      error        // that error, set before incoming is closed
}

// waiting is how many messages a test may leave unread; the reader waits when there are more.
const waiting = 10_000

type message struct {
	ID, Type string
	Payload  any
}

// connect opens a socket and says connection_init with the payload; the answer is the caller's to read.
func (s *testServer) connect(header http.Header, payload any) *socket {
	s.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, _, err := d.DialContext(s.t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/graphql", header)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	c := &socket{t: s.t, conn: conn, incoming: make(chan message, waiting)}
	go c.receive()
	c.send(vars{"type": "connection_init", "payload": payload})
	return c
}

// signedIn opens a socket that is acknowledged.
func (s *testServer) signedIn(token string) *socket {
	s.t.Helper()
	c := s.connect(nil, vars{"token": token})
	if m, err := c.read(); err != nil || m.Type != "connection_ack" {
		s.t.Fatalf("sign in on a socket: %+v, %v", m, err)
	}
	return c
}

// watch subscribes to caseEvents, with arguments in parentheses or none, on a socket of its own.
func (s *testServer) watch(role model.Role, arguments, selection string) *socket {
	s.t.Helper()
	c := s.signedIn(s.tokens[role])
	c.subscribe("subscription {caseEvents" + arguments + " {" + selection + "}}")
	return c
}

func (c *socket) subscribe(query string) {
	c.t.Helper()
	c.send(vars{"id": "1", "type": "subscribe", "payload": vars{"query": query}})
}

func (c *socket) send(m any) {
	c.t.Helper()
	if err := c.conn.WriteJSON(m); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads the connection until it ends, or the test does.
func (c *socket) receive() {
	defer close(c.incoming)
	for {
		var m message
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

// read gives the next message, or the error that ended the connection.
func (c *socket) read() (message, error) {
	select {
	case m, open := <-c.incoming:
		if !open {
			return m, c.end
		}
		return m, nil
	case <-time.After(patience):
		return message{}, fmt.Errorf("no message within %s", patience)
	}
}

// next is the next event.
func (c *socket) next() tree {
	c.t.Helper()
	m, err := c.read()
	if err != nil || m.Type != "next" {
		c.t.Fatalf("no event: %+v, %v", m, err)
	}
	e := tree{c.t, m.Payload}
	if len(e.list("errors")) > 0 {
		c.t.Fatalf("an event with errors: %v", m.Payload)
	}
	return e.at("data.caseEvents")
}

// refused reads the error message that ends the subscription, and gives its code.
func (c *socket) refused() string {
	c.t.Helper()
	m, err := c.read()
	if err != nil || m.Type != "error" {
		c.t.Fatalf("no error message: %+v, %v", m, err)
	}
	return tree{c.t, m.Payload}.text("0.extensions.code")
}

// closed reads on to the close frame and gives its code.
func (c *socket) closed() int {
	c.t.Helper()
	for {
		_, err := c.read()
		var end *websocket.CloseError
		if errors.As(err, &end) {
			return end.Code
		}
		if err != nil {
			c.t.Fatalf("no close frame: %v", err)
		}
	}
}

// cut ends the connection as a broken network does, with no word.
func (c *socket) cut() { _ = c.conn.NetConn().Close() }
