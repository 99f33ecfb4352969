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
	"github.com/closeloop/closeloop/internal/rate"
)

// meter has each operation pay what it was estimated to cost before it begins; a subscription pays once, as it starts.
// It comes after the complexity limit, whose figure it takes, and after all that may refuse an operation for nothing.
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
		return gqlerror.Wrap(errors.New("an operation has no price"))
	}
	left, err := m.buckets.Take(v.TokenID, stats.Complexity)
	if err != nil {
		tellWait(ctx, err)
		return gqlerror.Wrap(err)
	}
	rate.Keep(&oc.Stats, left)
	return nil
}

// waiting is an answer over HTTP that can say when to come again.
type waiting struct {
	http.ResponseWriter
	refused bool
}

type waitingKey struct{}

// tells lets the meter set the header and the status of the answer. A socket has neither: its caller is told in the
// error alone.
func tells(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			next.ServeHTTP(w, r)
			return
		}
		answer := &waiting{ResponseWriter: w}
		next.ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), waitingKey{}, answer)))
	})
}

func tellWait(ctx context.Context, err error) {
	var e *rate.Exceeded
	if answer, ok := ctx.Value(waitingKey{}).(*waiting); ok && errors.As(err, &e) {
		answer.refused = true
		answer.Header().Set("Retry-After", strconv.Itoa(e.Seconds()))
	}
}

// WriteHeader says 429 where the caller asked for application/graphql-response+json. The older application/json has 200
// for every answer that is well-formed (GraphQL over HTTP, section 6.4): its clients take another status for no answer of
// GraphQL's, and would not show the error.
func (w *waiting) WriteHeader(status int) {
	kind, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if w.refused && kind == "application/graphql-response+json" {
		status = http.StatusTooManyRequests
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *waiting) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher: answers that come in parts ask for it by a type assertion.
func (w *waiting) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }
