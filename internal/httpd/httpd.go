// Package httpd owns the HTTP server: its routes, its limits, who may come in, and what errors look like from
// outside.
//
// It refuses what the API does: that is behind the generated schema.
package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/resolvers"
	"github.com/closeloop/closeloop/web"
)

// Options are what the server is made of.
type Options struct {
	Resolver *resolvers.Resolver
	Read     *read.Reader
	Tokens   *auth.Tokens
	Live     *live.Server
	Rate     *rate.Buckets
	Present  graphql.ErrorPresenterFunc
	Ready    func(context.Context) error // whether the database answers
	Log      *slog.Logger
}

// Handler answers all requests.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/graphql", shared(o.signIn(bounded(tells(executor(o))))))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := o.Ready(ctx); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.Handle("/", web.Handler())
	return mux
}

func executor(o Options) *handler.Server {
	config := graph.Config{Resolvers: o.Resolver, Directives: graph.DirectiveRoot{Requires: auth.Requires}}
	price(&config.Complexity)
	h := handler.New(graph.NewExecutableSchema(config))
	h.AddTransport(o.Live)
	h.AddTransport(transport.POST{})
	h.AddTransport(transport.MultipartForm{MaxUploadSize: uploadMax, MaxMemory: uploadInMemory})
	h.SetQueryCache(lru.New[*ast.QueryDocument](1000))
	h.SetParserTokenLimit(tokensMax)
	h.Use(Limits{})
	h.Use(onlyLive{})
	h.Use(auth.Guard{})
	h.Use(extension.Introspection{})
	h.Use(extension.FixedComplexityLimit(CostMax))
	h.Use(meter{o.Rate})
	// Loaders live as long as one answer: a subscription's next event must not see what an earlier one loaded.
	h.AroundResponses(func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
		return next(o.Read.WithLoaders(ctx))
	})
	h.SetErrorPresenter(o.Present)
	h.SetRecoverFunc(func(ctx context.Context, panicked any) error {
		o.Log.ErrorContext(ctx, "panic", "value", panicked, "stack", string(debug.Stack()))
		return errors.New("a resolver panicked")
	})
	return h
}

// signIn finds the caller of a request. A socket's caller may sign in later, with its first message, and a stream is
// watched as a socket is for the end of its session; so both pass: live sees to them.
func (o Options) signIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.Live.Supports(r) {
			next.ServeHTTP(w, r)
			return
		}
		secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			_, err := auth.From(r.Context())
			o.refuse(w, r, http.StatusUnauthorized, err)
			return
		}
		caller, err := o.Tokens.SignIn(r.Context(), strings.TrimSpace(secret))
		if err != nil {
			status := http.StatusUnauthorized
			switch {
			case fault.Is(err, fault.CodeUnauthenticated):
			case pg.Away(err):
				status = http.StatusServiceUnavailable
			default:
				status = http.StatusInternalServerError
			}
			o.refuse(w, r, status, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(auth.With(r.Context(), caller.Viewer), answersOnce{}, true)))
	})
}

// shared lets pages of other hosts call the API: a dashboard is served from where its makers like. A caller is known by
// a bearer token alone, never by a cookie, so a foreign page can do no more than its own token allows.
func shared(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID")
			w.Header().Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bounded reads the body before anybody decodes it, and no more of it than is allowed.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isUpload(r) {
			if status, err := checkUpload(r); err != nil {
				write(w, status, err)
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
			if err != nil {
				write(w, http.StatusRequestEntityTooLarge, &gqlerror.Error{
					Message: "the request has more than 1 MiB", Extensions: map[string]any{"code": fault.CodeBadUserInput},
				})
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(w, r)
	})
}

func (o Options) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="closeloop"`)
	}
	write(w, status, o.Present(r.Context(), err))
}

func write(w http.ResponseWriter, status int, err *gqlerror.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": gqlerror.List{err}})
}
