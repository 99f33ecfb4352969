package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// events is the GraphQL over Server-Sent Events Protocol in its distinct connections mode: one operation is one
// request. https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
//
// The connection is taken from the HTTP server, as a WebSocket's is: so a stream costs as little, and the same writers
// serve it. It closes with its stream.
type events struct{}

var _ protocol = events{}

func (events) head(string) []byte { return nil }

func (events) entry(b []byte, op *operation, e *entry) []byte {
	var text []byte
	if e.place.Cursor != "" {
		// Who comes back says it in Last-Event-ID.
		text = append(append(append(text, "id: "...), e.place.Cursor...), '\n')
	}
	switch e.kind {
	case next:
		text = appendEvent(text, e.data)
	case failed:
		text = appendEvent(text, append(append([]byte(`{"errors":`), e.data...), '}'))
	}
	if e.isLast() {
		text = append(text, "event: complete\ndata:\n\n"...)
	}
	return appendChunk(b, text)
}

// appendEvent adds a next event. JSON as it is encoded here has no line breaks.
func appendEvent(b, data []byte) []byte {
	return append(append(append(b, "event: next\ndata: "...), data...), "\n\n"...)
}

func (events) alive(b []byte) []byte { return appendChunk(b, []byte(":\n\n")) }

// goodbye tells why the stream ends. After one that ends for the server's sake the client comes back by itself, when
// it is told to; where it would be of no use, the operation is completed with an error.
func (events) goodbye(b []byte, e ending) []byte {
	switch {
	case e == done:
	case e.retry > 0:
		b = appendChunk(b, fmt.Appendf(nil, "retry: %d\n: %d %s\n\n", e.retry.Milliseconds(), e.code, e.reason))
	default:
		reason, _ := json.Marshal(e.reason) // a string always encodes
		b = appendChunk(b, append(appendEvent(nil, fmt.Appendf(nil, `{"errors":[{"message":%s,"extensions":{"closeCode":%d}}]}`, reason, e.code)),
			"event: complete\ndata:\n\n"...))
	}
	return append(b, "0\r\n\r\n"...)
}

// appendChunk adds a chunk (RFC 9112, section 7.1, Chunked Transfer Coding).
func appendChunk(b, text []byte) []byte {
	return append(append(fmt.Appendf(b, "%x\r\n", len(text)), text...), "\r\n"...)
}

// isStream says whether a request wants server-sent events. One that takes JSON too gets that: it has one answer.
func isStream(r *http.Request) bool {
	accept := strings.ToLower(strings.Join(r.Header.Values("Accept"), ","))
	return strings.Contains(accept, "text/event-stream") && !strings.Contains(accept, "json") &&
		(r.Method == http.MethodGet || r.Method == http.MethodPost)
}

// stream serves one operation by server-sent events.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	params, err := paramsOf(r, s.options.MaxMessageBytes)
	if err != nil {
		refuse(w, r, exec, http.StatusBadRequest, "BAD_USER_INPUT", err.Error())
		return
	}
	params.ReadTime = graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}
	session, e := s.signIn(r.Context(), r.Header, nil)
	switch {
	case e == forbidden:
		w.Header().Set("WWW-Authenticate", `Bearer realm="closeloop"`)
		refuse(w, r, exec, http.StatusUnauthorized, "UNAUTHENTICATED",
			"sign in with the header 'Authorization: Bearer <API token>'; this token is missing, unknown, expired or revoked")
		return
	case e != none:
		w.Header().Set("Retry-After", "5")
		refuse(w, r, exec, http.StatusServiceUnavailable, "UNAVAILABLE", e.reason)
		return
	}
	if why := s.reserve(); why != "" {
		w.Header().Set("Retry-After", "5")
		refuse(w, r, exec, http.StatusServiceUnavailable, "RATE_LIMITED", why)
		return
	}
	conn, err := takeOver(w)
	if err != nil {
		s.release()
		s.options.Log.Debug("stream refused", "error", err) // there is no way to answer
		return
	}
	sock := newSocket(conn, nil, events{}, &s.options, s.nextLane())
	c := newConnection(s, sock, exec, r)
	c.readOnly = r.Method == http.MethodGet
	go c.serveStream(session, params, lastEventID(r))
}

// serveStream runs the one operation, and returns when the peer has left or has got its end.
func (c *connection) serveStream(session *Session, params *graphql.RawParams, after *string) {
	defer c.server.release()
	start := time.Now()
	c.server.enter(c.socket)
	if c.admit(session) {
		c.socket.answer(c.socket.protocol.alive(nil))
		c.begin("", params, after)
	}
	c.socket.awaitEnd()
	c.leave(start)
}

func lastEventID(r *http.Request) *string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return &id
	}
	return nil
}

// takeOver takes the connection from the HTTP server, and begins the answer.
func takeOver(w http.ResponseWriter) (net.Conn, error) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("begin a stream: %w", err)
	}
	header := w.Header().Clone()
	for name, value := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store", "Connection": "close",
		"Transfer-Encoding": "chunked", "X-Accel-Buffering": "no", // nginx would keep events back
	} {
		header.Set(name, value)
	}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	_ = header.Write(&b)
	b.WriteString("\r\n")
	_ = conn.SetDeadline(time.Now().Add(time.Second)) // it is the first thing that is written, and small
	if _, err := conn.Write(b.Bytes()); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("begin a stream: %w", err)
	}
	return conn, conn.SetDeadline(time.Time{})
}

// paramsOf reads the operation of a request: GraphQL over HTTP, section 5, Request.
func paramsOf(r *http.Request, limit int64) (*graphql.RawParams, error) {
	if r.Method == http.MethodGet {
		return parseParams("the request", queryObject(r.URL.Query()))
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the request: %w", err)
	case int64(len(body)) > limit:
		return nil, errors.New(tooBig(limit).reason)
	}
	return parseParams("the request", bytes.TrimSpace(body))
}

func queryObject(values url.Values) json.RawMessage {
	o := object{}
	for _, name := range []string{"query", "operationName"} {
		if v := values.Get(name); v != "" {
			o[name], _ = json.Marshal(v)
		}
	}
	for _, name := range []string{"variables", "extensions"} {
		if v := values.Get(name); json.Valid([]byte(v)) {
			o[name] = json.RawMessage(v)
		} else if v != "" {
			o[name], _ = json.Marshal(v) // and is refused, for it is no object
		}
	}
	text, _ := json.Marshal(o)
	return text
}

// refuse answers a request that does not become a stream.
func refuse(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, status int, code, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	err := &gqlerror.Error{Message: why, Extensions: map[string]any{"code": code}}
	_ = json.NewEncoder(w).Encode(exec.DispatchError(r.Context(), gqlerror.List{err}))
}
