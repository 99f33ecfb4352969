package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; it fails then, and never passes by waiting.
const patience = 60 * time.Second

const sdl = `
	type Query {
		hello(name: String = "world"): String!
		viewer: String!
		half: String
		hang: Int
		stubborn: Int
		boom: Int
	}
	type Mutation {
		change: Int!
	}
	type Subscription {
		ticks(topic: String!): Int!
		count(to: Int!): Int!
		flood(bytes: Int!): String!
		refused: Int!
		failing: Int!
		feed(after: String, mine: Boolean, also: String): String!
	}`

// world is a GraphQL server over HTTP whose resolvers the test moves by hand.
type world struct {
	t       *testing.T
	live    *live.Server
	handler http.Handler
	url     string
	schema  *ast.Schema
	free    chan struct{} // lets `stubborn` go
	started chan string   // names of fields whose resolvers began; ticks with their topic
	ended   chan string   // the same, when their context ended
	pulled  chan int      // the number of each response that flood has been asked for
	seen    chan *graphql.OperationContext
	log     journal

	feed     *feed
	opened   atomic.Int32 // readers of the feed
	executed atomic.Int32 // responses made of its values

	mu     sync.Mutex
	topics map[string]chan int
}

type viewerKey struct{}

// newWorld starts a server that knows the bearers ann and bob; change adjusts its options.
func newWorld(t *testing.T, change func(*live.Options)) *world {
	t.Helper()
	w := &world{
		t:       t,
		schema:  gqlparser.MustLoadSchema(&ast.Source{Input: sdl}),
		free:    make(chan struct{}),
		started: make(chan string, 1000),
		ended:   make(chan string, 1000),
		pulled:  make(chan int, 1000),
		seen:    make(chan *graphql.OperationContext, 1000),
		log:     make(journal, 1000),
		topics:  map[string]chan int{},
		feed:    newFeed(),
	}
	// No deadline passes by itself: a test that is about one sets it.
	o := live.Options{SignIn: signIn, Log: slog.New(w.log),
		InitTimeout: patience, PingInterval: patience, WriteTimeout: patience, CloseTimeout: patience}
	if change != nil {
		change(&o)
	}
	w.live = live.New(o)
	h := handler.New(w)
	h.AddTransport(w.live)
	h.SetRecoverFunc(func(_ context.Context, v any) error { return fmt.Errorf("recovered: %v", v) })
	w.handler = h
	w.serve(h)
	return w
}

// serve listens; a test may call it again with a handler that wraps w.handler.
func (w *world) serve(h http.Handler) {
	w.t.Helper()
	s := httptest.NewServer(h)
	w.url = "ws" + strings.TrimPrefix(s.URL, "http")
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.live.Close(ctx); err != nil {
			w.t.Errorf("Close: %v", err)
		}
		s.Close()
	})
}

func signIn(_ context.Context, _, bearer string) (live.Session, error) {
	if bearer != "ann" && bearer != "bob" {
		return live.Session{}, errors.New("no such token")
	}
	return live.Session{
		Key:     bearer,
		Context: func(ctx context.Context) context.Context { return context.WithValue(ctx, viewerKey{}, bearer) },
	}, nil
}

// tick sends a value to the subscribers of a topic and returns once one of them has it.
func (w *world) tick(topic string, v int) {
	w.t.Helper()
	select {
	case w.topic(topic) <- v:
	case <-time.After(patience):
		w.t.Fatalf("no subscriber takes ticks of %s", topic)
	}
}

func (w *world) topic(name string) chan int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.topics[name] == nil {
		w.topics[name] = make(chan int)
	}
	return w.topics[name]
}

func (w *world) Schema() *ast.Schema { return w.schema }

func (w *world) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

// Exec takes the place of generated code.
func (w *world) Exec(ctx context.Context) graphql.ResponseHandler {
	oc := graphql.GetOperationContext(ctx)
	w.seen <- oc
	field := oc.Operation.SelectionSet[0].(*ast.Field)
	args := field.ArgumentMap(oc.Variables)
	name := field.Name
	if topic, ok := args["topic"].(string); ok {
		name = topic
	}
	w.started <- name
	context.AfterFunc(ctx, func() { w.ended <- name })

	switch field.Name {
	case "hello":
		return one("hello", args["name"])
	case "change":
		return one("change", 1)
	case "feed":
		return w.follow(ctx, args)
	case "viewer":
		return one("viewer", ctx.Value(viewerKey{}))
	case "half":
		r := response("half", nil)
		r.Errors = append(r.Errors, &gqlerror.Error{Message: "the other half is missing"})
		return graphql.OneShot(r)
	case "hang":
		return func(ctx context.Context) *graphql.Response { <-ctx.Done(); return nil }
	case "stubborn":
		<-w.free
		return func(context.Context) *graphql.Response { return nil }
	case "boom":
		return func(context.Context) *graphql.Response { panic("boom") }
	case "ticks":
		ticks := w.topic(name)
		return func(ctx context.Context) *graphql.Response {
			select {
			case v := <-ticks:
				return response("ticks", v)
			case <-ctx.Done():
				return nil
			}
		}
	case "count":
		n, to := 0, number(args["to"])
		return func(context.Context) *graphql.Response {
			if n++; n > to {
				return nil
			}
			return response("count", n)
		}
	case "flood":
		n, big := 0, response("flood", strings.Repeat("x", number(args["bytes"])))
		return func(context.Context) *graphql.Response {
			n++
			w.pulled <- n
			return big
		}
	case "failing":
		n := 0
		return func(ctx context.Context) *graphql.Response {
			if n++; n == 1 {
				return response("failing", n)
			}
			live.Fail(ctx, errors.New("the feed is gone"))
			live.Fail(ctx, errors.New("so are its readers"))
			return nil
		}
	case "refused":
		graphql.AddErrorf(ctx, "not for you")
		return nil
	}
	panic("no resolver for " + field.Name)
}

func one(name string, v any) graphql.ResponseHandler {
	return graphql.OneShot(response(name, v))
}

func response(name string, v any) *graphql.Response {
	data, err := json.Marshal(map[string]any{name: v})
	if err != nil {
		panic(err)
	}
	return &graphql.Response{Data: data}
}

func number(v any) int {
	switch v := v.(type) {
	case int64:
		return int(v)
	case json.Number:
		n, _ := v.Int64()
		return int(n)
	}
	panic(fmt.Sprintf("%T is no number", v))
}

// inTime calls test with a deadline that it has to keep, and with longer ones while test reports that the machine was too
// slow to keep it. A fault in the code fails with every deadline.
func inTime(t *testing.T, deadline time.Duration, test func(deadline time.Duration) (kept bool)) {
	t.Helper()
	for ; deadline < patience/2; deadline *= 2 {
		if test(deadline) {
			return
		}
	}
	t.Fatal("no deadline was kept")
}

// receive waits for a signal.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// journal is a log whose lines a test can wait for.
type journal chan slog.Record

func (j journal) Enabled(context.Context, slog.Level) bool { return true }
func (j journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j journal) WithGroup(string) slog.Handler            { return j }

func (j journal) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError { // a panic, which the client does not learn of
		r.Attrs(func(a slog.Attr) bool { fmt.Fprintln(os.Stderr, a.Key, a.Value); return true })
	}
	j <- r
	return nil
}

// closed waits for the next socket to end and returns the code and the reason that were logged.
func (j journal) closed(t *testing.T) (code int, reason string) {
	t.Helper()
	for {
		r := receive(t, j, "a socket to end")
		if r.Message != "socket closed" {
			continue
		}
		r.Attrs(func(a slog.Attr) bool {
			switch a.Key {
			case "code":
				code = int(a.Value.Int64())
			case "reason":
				reason = a.Value.String()
			}
			return true
		})
		return code, reason
	}
}
