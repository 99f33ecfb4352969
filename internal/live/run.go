package live

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// run is one execution of an operation: of a query, of a mutation, or of a subscription for one subscriber or for a
// group. It has a context of its own, because it may outlive the socket that it was begun for.
type run struct {
	exec     graphql.GraphExecutor
	params   *graphql.RawParams // equal for all subscribers of a group, except the start
	header   http.Header
	session  Session
	readOnly bool    // mutations are refused
	after    *string // the cursor to begin after; nil: the operation's arguments decide
	log      *slog.Logger

	ctx       context.Context
	cancel    context.CancelFunc
	oc        *graphql.OperationContext
	responses graphql.ResponseHandler
	failed    failure

	incomplete bool // the last response had errors beside its data

	// Set by Follow; stream is nil where the resolver makes its own channel, and for queries and mutations.
	stream streamer
	start  string
	shared string

	group atomic.Pointer[group] // that the run executes for; nil: for one subscriber alone
}

type runKey struct{}

func runOf(ctx context.Context) *run {
	r, _ := ctx.Value(runKey{}).(*run)
	return r
}

func newRun(exec graphql.GraphExecutor, params *graphql.RawParams, session Session, after *string, log *slog.Logger) *run {
	r := &run{exec: exec, params: params, session: session, after: after, log: log}
	r.ctx, r.cancel = context.WithCancel(graphql.StartOperationTrace(context.WithValue(context.Background(), runKey{}, r)))
	return r
}

// prepare parses and validates the operation and calls its root resolver. A message that it returns refuses the operation
// and ends it (GraphQL specification, section 7.1.2, Request errors).
func (r *run) prepare() (last *wire.Message) {
	defer r.recover(&last)
	r.ctx = r.session.in(r.ctx)
	params := *r.params // a copy, because extensions of the executor may change it
	params.Headers = r.header
	oc, errs := r.exec.CreateOperationContext(r.ctx, &params)
	r.oc = oc
	r.ctx = graphql.WithOperationContext(r.ctx, oc)
	if len(errs) > 0 {
		return r.refuse(errs)
	}
	if r.params.Query == "" { // the request has named its document; the text is needed when the operation begins again
		found := *r.params
		found.Query = oc.RawQuery
		r.params = &found
	}
	if r.readOnly && oc.Operation.Operation == ast.Mutation {
		return r.fail(withCode(fault.CodeBadUserInput, byGet))
	}
	r.responses, r.ctx = r.exec.DispatchOperation(r.ctx, oc)
	return nil
}

// respond waits for the next response and encodes it.
func (r *run) respond() (e *wire.Message) {
	defer r.recover(&e)
	response := r.responses(r.ctx)
	r.incomplete = response != nil && len(response.Errors) > 0
	switch {
	case response == nil:
		if err := r.failed.reason(); err != nil {
			return r.fail(err)
		}
		return &wire.Message{Kind: wire.Complete}
	case response.Data == nil && response.HasNext == nil && len(response.Errors) > 0:
		// A response without data is not a result: its errors say why the operation was not executed.
		return wire.Refusal(response)
	}
	text, err := wire.AppendResponse(make([]byte, 0, len(response.Data)+16), response)
	if err != nil {
		panic(err) // a resolver's extensions are not JSON: a programming error
	}
	return &wire.Message{Data: text}
}

// fail returns the message that ends the operation with an error, as the executor's error presenter writes it.
func (r *run) fail(err error) *wire.Message { return r.refuse(errorsOf(err)) }

func (r *run) refuse(errs gqlerror.List) *wire.Message {
	return wire.Refusal(r.exec.DispatchError(r.ctx, errs))
}

// recover is deferred. It turns a panic into the message that ends the operation.
func (r *run) recover(last **wire.Message) {
	v := recover()
	switch {
	case v == nil:
	case r.oc == nil || r.oc.RecoverFunc == nil:
		r.log.Error("panic", "doing", "prepare an operation", "panic", v)
		*last = wire.Refusal(&graphql.Response{Errors: gqlerror.List{{Message: "internal system error"}}})
	default:
		*last = r.fail(r.oc.Recover(r.ctx, v))
	}
}
