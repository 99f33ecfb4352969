package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

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
	case e == wire.Forbidden:
		w.Header().Set("WWW-Authenticate", `Bearer realm="closeloop"`)
		refuse(w, r, exec, http.StatusUnauthorized, "UNAUTHENTICATED",
			"sign in with the header 'Authorization: Bearer <API token>'; this token is missing, unknown, expired or revoked")
		return
	case e != wire.None:
		w.Header().Set("Retry-After", "5")
		refuse(w, r, exec, http.StatusServiceUnavailable, "UNAVAILABLE", e.Text)
		return
	}
	if why := s.reserve(); why != "" {
		w.Header().Set("Retry-After", "5")
		refuse(w, r, exec, http.StatusServiceUnavailable, "RATE_LIMITED", why)
		return
	}
	taken, err := takeOver(w)
	if err != nil {
		s.release()
		s.options.Log.Debug("stream refused", "error", err) // there is no way to answer
		return
	}
	sock := conn.New(taken, nil, wire.EventStream{}, &s.sockets)
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
		c.socket.Reply(c.socket.Codec.Heartbeat(nil))
		c.begin("", params, after)
	}
	c.socket.AwaitEnd()
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
	taken, _, err := http.NewResponseController(w).Hijack()
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
	_ = taken.SetDeadline(time.Now().Add(time.Second)) // it is the first thing that is written, and small
	if _, err := taken.Write(b.Bytes()); err != nil {
		_ = taken.Close()
		return nil, fmt.Errorf("begin a stream: %w", err)
	}
	return taken, taken.SetDeadline(time.Time{})
}

// paramsOf reads the operation of a request: GraphQL over HTTP, section 5, Request.
func paramsOf(r *http.Request, limit int64) (*graphql.RawParams, error) {
	if r.Method == http.MethodGet {
		return wire.ParseQuery("the request", r.URL.Query())
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the request: %w", err)
	case int64(len(body)) > limit:
		return nil, errors.New(wire.TooBig(limit).Text)
	}
	return wire.ParseParams("the request", bytes.TrimSpace(body))
}

// refuse answers a request that does not become a stream.
func refuse(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, status int, code, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	err := &gqlerror.Error{Message: why, Extensions: map[string]any{"code": code}}
	_ = json.NewEncoder(w).Encode(exec.DispatchError(r.Context(), gqlerror.List{err}))
}
