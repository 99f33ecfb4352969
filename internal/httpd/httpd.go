// Package httpd owns the HTTP server: its routes, its limits, authentication, and the form of errors in answers.
//
// Package httpd implements no operation of the API: the resolvers behind the generated schema do.
package httpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/answer"
	"github.com/closeloop/closeloop/internal/argument"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/inflight"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/closeloop/closeloop/internal/persisted"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/source"
	"github.com/closeloop/closeloop/model"
	"github.com/closeloop/closeloop/resolvers"
	"github.com/closeloop/closeloop/web"
)

// Options are the parts of the program that the server needs.
type Options struct {
	Resolver *resolvers.Resolver
	Read     *read.Reader
	Gate     *auth.Gate
	Live     *live.Server
	Rate     *rate.Buckets
	Readings *rate.Readings
	Heavy    func(context.Context) (leave func(), err error) // waits for the turn of a heavy operation
	Present  graphql.ErrorPresenterFunc
	Ready    func(context.Context) error // returns an error when the database does not answer
	Log      *slog.Logger

	Origins []string       // whose pages may call the API; *: all
	Proxies []netip.Prefix // whose header X-Forwarded-For names the client

	Registered     *persisted.Registry
	RegisteredOnly []model.Role // who may use registered documents only
	NoAutomatic    bool         // no automatic persisted queries

	ClientTimeout time.Duration // for a client to send or take 64 KiB
	Answers       *inflight.Answers

	Sources *source.Sources

	Shared *answer.Answers // nil: equal queries share nothing
}

// Handler returns the handler for all requests.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/graphql", notStored(allowOrigins(o.Origins, o.signIn(executor(o)))))
	mux.Handle("/intake/{source}", notStored(newIntake(o)))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := o.Ready(ctx); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.Handle("/", web.Handler(func(w http.ResponseWriter, _ *http.Request) { // a program takes any answer for one of the API
		write(w, http.StatusNotFound, only(withCode(fault.CodeNotFound, "there is nothing at this address: the API is at /graphql, and sources of responses are at /intake/NAME")))
	}))
	return trustProxies(o.Proxies, pacer{timeout: o.ClientTimeout, answers: o.Answers}.handler(noSniff(mux)))
}

// noSniff tells browsers to trust the media type of every answer.
func noSniff(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// notStored keeps answers out of caches: they are for one caller, and of the media type that the request accepts.
func notStored(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Add("Vary", "Accept, Authorization")
		next.ServeHTTP(w, r)
	})
}

func executor(o Options) *handler.Server {
	config := graph.Config{Schema: graph.Schema(), Resolvers: o.Resolver, Directives: graph.DirectiveRoot{Requires: auth.Requires}}
	h := handler.New(graph.NewExecutableSchema(config))
	parsed, texts := parsedDocuments{newParsed()}, newDocuments(o)
	known := knowing{texts, parsed, o.Rate}
	h.AddTransport(streams{o.Live, known})
	h.AddTransport(uploads{})
	shares := sharing{o.Shared, marksOf(graph.Schema())}
	h.AddTransport(transport{known, o.Readings, shares}) // the last, because it takes every request
	payments := meter{o.Rate, rate.NewRefusals(), newRefused(), o.Heavy, shares}
	h.SetQueryCache(parsed)
	h.SetParserTokenLimit(tokensMax)
	h.Use(texts)
	h.Use(shares)
	h.Use(reading{payments, parsed, o.Readings})
	h.Use(Limits{parsed})
	h.Use(streamOnly{})
	h.Use(auth.Guard{})
	h.Use(&argument.Coercion{Documents: parsed, TokenLimit: tokensMax}) // after what limits documents, before what reads arguments
	h.Use(singleRoot{})
	h.Use(extension.Introspection{})
	h.Use(payments)
	// Loaders live as long as one answer, so that a subscription's next event does not see rows loaded for an earlier one.
	h.AroundResponses(func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
		return next(o.Read.WithLoaders(ctx))
	})
	h.SetErrorPresenter(severally(o.Present))
	h.SetRecoverFunc(func(ctx context.Context, panicked any) error {
		o.Log.ErrorContext(ctx, "panic", "doing", "run an operation", "panic", panicked, "stack", string(debug.Stack()))
		return errors.New("a resolver panicked")
	})
	return h
}

// signIn authenticates the caller of a request. It lets WebSockets and event streams pass, because package live
// authenticates them: a WebSocket may send its token in its first message, and both end when the token's session ends.
func (o Options) signIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.Live.Supports(r) {
			next.ServeHTTP(w, r)
			return
		}
		secret, ok := wire.Bearer(r.Header.Get("Authorization"), nil)
		if !ok {
			_, err := auth.From(r.Context())
			o.refuse(w, r, http.StatusUnauthorized, err)
			return
		}
		caller, err := o.Gate.SignIn(r.Context(), r.RemoteAddr, secret)
		if err != nil {
			status := http.StatusUnauthorized
			var tooMany *auth.TooManyRefusals
			switch {
			case errors.As(err, &tooMany):
				pause(r.Context())
				status = http.StatusTooManyRequests
				w.Header().Set("Retry-After", strconv.Itoa(tooMany.Seconds()))
			case fault.Is(err, fault.CodeUnauthenticated):
			case pg.Unavailable(err):
				status = http.StatusServiceUnavailable
			default:
				status = http.StatusInternalServerError
			}
			o.refuse(w, r, status, err)
			return
		}
		ownAnswer(w, caller.Key())
		next.ServeHTTP(w, r.WithContext(context.WithValue(auth.With(r.Context(), caller.Viewer), singleAnswer{}, true)))
	})
}

func (o Options) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="closeloop"`)
	}
	write(w, status, only(o.Present(r.Context(), err)))
}

// only is the answer to a caller who is not signed in.
func only(err *gqlerror.Error) *graphql.Response {
	return &graphql.Response{Errors: gqlerror.List{err}}
}

// write refuses a request. The connection ends with it: otherwise net/http would wait for a body that nobody has read
// before it answers.
func write(w http.ResponseWriter, status int, refusal *graphql.Response) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(wire.AppendRefusal(nil, wire.Refusal(refusal)))
}
