package httpd

import (
	"context"
	"mime"
	"net/http"
	"strconv"

	"github.com/closeloop/closeloop/internal/rate"
)

// retryWriter is the response to a request over HTTP; it can tell the client when to retry.
type retryWriter struct {
	http.ResponseWriter
	refused bool
}

type retryWriterKey struct{}

// withRetryAfter lets the meter set the header and the status of the response. A message on a WebSocket has neither; there
// the client finds the time in the error.
func withRetryAfter(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			next.ServeHTTP(w, r)
			return
		}
		answer := &retryWriter{ResponseWriter: w}
		next.ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), retryWriterKey{}, answer)))
	})
}

func setRetryAfter(ctx context.Context, e *rate.Exceeded) {
	if answer, ok := ctx.Value(retryWriterKey{}).(*retryWriter); ok {
		answer.refused = true
		answer.Header().Set("Retry-After", strconv.Itoa(e.Seconds()))
	}
}

// WriteHeader sends status 429 where the client asked for application/graphql-response+json. With the older
// application/json every well-formed answer has status 200 (GraphQL over HTTP, section 6.4): clients take any other status
// for a failure of HTTP and would not show the error.
func (w *retryWriter) WriteHeader(status int) {
	kind, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if w.refused && kind == "application/graphql-response+json" {
		status = http.StatusTooManyRequests
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the original writer.
func (w *retryWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher, which the transports for answers in parts look for by a type assertion.
func (w *retryWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }
