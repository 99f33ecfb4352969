package httpd

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/rate"
)

// meter refuses an operation that costs more than CostMax, and charges each other operation its estimated cost before the
// operation begins; a subscription pays once, at its start. The meter must be the last extension: it needs gqlgen's figure
// of the complexity, and an operation that another extension refuses must cost nothing.
type meter struct{ buckets *rate.Buckets }

var (
	_ graphql.HandlerExtension        = meter{}
	_ graphql.OperationContextMutator = meter{}
)

// ExtensionName implements graphql.HandlerExtension.
func (meter) ExtensionName() string { return "Meter" }

// Validate implements graphql.HandlerExtension.
func (meter) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (m meter) MutateOperationContext(ctx context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	v, err := auth.From(ctx)
	if err != nil {
		return gqlerror.Wrap(err)
	}
	stats, ok := oc.Stats.GetExtension(extension.ComplexityLimit{}.ExtensionName()).(*extension.ComplexityStats)
	if !ok {
		return gqlerror.Wrap(errors.New("the operation has no price: the complexity limit must run before the meter"))
	}
	if stats.Complexity > CostMax {
		return gqlerror.Wrap(fault.New(fault.CodeQueryTooCostly, "this operation costs %d points, and no operation may cost more than %d: request fewer fields or rows, or split it",
			stats.Complexity, CostMax))
	}
	left, err := m.buckets.Take(v.TokenID, stats.Complexity)
	if err != nil {
		setRetryAfter(ctx, err)
		return gqlerror.Wrap(err)
	}
	rate.Keep(&oc.Stats, left)
	return nil
}

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

func setRetryAfter(ctx context.Context, err error) {
	var e *rate.Exceeded
	if answer, ok := ctx.Value(retryWriterKey{}).(*retryWriter); ok && errors.As(err, &e) {
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
