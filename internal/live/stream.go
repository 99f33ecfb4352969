package live

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// isStream reports whether a request wants server-sent events. A request that also accepts JSON gets one JSON answer.
func isStream(r *http.Request) bool {
	accept := strings.ToLower(strings.Join(r.Header.Values("Accept"), ","))
	return strings.Contains(accept, "text/event-stream") && !strings.Contains(accept, "json") &&
		(r.Method == http.MethodGet || r.Method == http.MethodPost)
}

// stream serves one operation by server-sent events. The connection is taken from the HTTP server, as a WebSocket's is, so
// that a stream costs as little and the same writers serve it.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	session, reason := s.signIn(r.Context(), r.RemoteAddr, r.Header, nil)
	switch {
	case reason == wire.Forbidden:
		w.Header().Set("WWW-Authenticate", `Bearer realm="closeloop"`)
		refuse(r.Context(), w, exec, http.StatusUnauthorized, withCode(fault.CodeUnauthenticated,
			"sign in with the header 'Authorization: Bearer <API token>'; the token is missing, unknown, expired or revoked"))
		return
	case reason.Code == wire.CodeTooManyRefusals:
		seconds := setRetryAfter(w, reason.Retry)
		refused := withCode(fault.CodeRateLimited, fmt.Sprintf("too many wrong API tokens came from your address: retry in %d s with a valid one", seconds))
		refused.Extensions["retryAfter"] = seconds
		refuse(r.Context(), w, exec, http.StatusTooManyRequests, refused)
		return
	case reason != wire.None:
		setRetryAfter(w, cmp.Or(reason.Retry, s.busy()))
		refuse(r.Context(), w, exec, http.StatusServiceUnavailable, withCode(fault.CodeUnavailable, reason.Text))
		return
	}
	ctx := session.in(r.Context())
	if r.Method == http.MethodPost && wire.IsEncoded(r.Header) {
		w.Header().Set("Accept-Encoding", "identity")
		refuse(ctx, w, exec, http.StatusUnsupportedMediaType, withCode(fault.CodeBadUserInput, wire.Encoded))
		return
	}
	params, err := paramsOf(r, s.options.MaxMessageBytes) // after the sign-in: a stranger's body is not read
	if err != nil {
		refuse(ctx, w, exec, http.StatusBadRequest, withCode(fault.CodeBadUserInput, err.Error()))
		return
	}
	if knows, ok := exec.(Knowing); ok && r.Method == http.MethodGet && knows.IsMutation(ctx, params) {
		w.Header().Set("Allow", http.MethodPost)
		refuse(ctx, w, exec, http.StatusMethodNotAllowed, withCode(fault.CodeBadUserInput, byGet))
		return
	}
	params.ReadTime = graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}
	if refused := s.reserve(); refused != "" {
		setRetryAfter(w, s.busy())
		refuse(ctx, w, exec, http.StatusServiceUnavailable, withCode(fault.CodeRateLimited, refused))
		return
	}
	taken, err := takeOver(w)
	if err != nil {
		s.release()
		s.options.Log.Debug("stream refused", "error", err) // the connection is gone, so there is no answer
		return
	}
	sock := conn.New(taken, nil, wire.EventStream{}, &s.sockets)
	c := newConnection(s, sock, exec, r)
	c.readOnly = r.Method == http.MethodGet
	go c.serveStream(session, params, lastEventID(r))
}

// Knowing is a graphql.GraphExecutor that can say whether a request is for a mutation before it executes it. Without it, a
// mutation by GET is refused in the stream, which has status 200.
type Knowing interface {
	IsMutation(context.Context, *graphql.RawParams) bool
}

const byGet = "GET does not allow mutations: send the mutation by POST"

// serveStream runs the one operation, and returns when the operation has ended or the peer has left.
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

// takeOver takes the connection from the HTTP server and begins the answer.
func takeOver(w http.ResponseWriter) (net.Conn, error) {
	taken, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("begin a stream: %w", err)
	}
	header := w.Header().Clone()
	for name, value := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store", "Connection": "close",
		"Transfer-Encoding": "chunked", "X-Accel-Buffering": "no", // nginx would buffer events
	} {
		header.Set(name, value)
	}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	_ = header.Write(&b)
	b.WriteString("\r\n")
	_ = taken.SetDeadline(time.Now().Add(time.Second)) // the first write is small and fits the system's buffer
	if _, err := taken.Write(b.Bytes()); err != nil {
		_ = taken.Close()
		return nil, fmt.Errorf("begin a stream: %w", err)
	}
	return taken, taken.SetDeadline(time.Time{})
}

// paramsOf reads the operation of a request (GraphQL over HTTP, section 5, Request).
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
	return wire.ParseBody(body)
}

// refuse answers a request that does not become a stream. The connection ends with it: otherwise net/http would wait for a
// body that nobody has read before it answers.
func refuse(ctx context.Context, w http.ResponseWriter, exec graphql.GraphExecutor, status int, err *gqlerror.Error) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(wire.AppendRefusal(nil, wire.Refusal(exec.DispatchError(ctx, gqlerror.List{err}))))
}
