package live

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// run executes an operation and pushes what comes of it, at the pace at which the peer takes it: next
// messages, then complete or error. It is the operation's goroutine.
func (c *connection) run(ctx context.Context, op *operation, session Session, params *graphql.RawParams) {
	defer op.end()
	defer survive(c.options.Log, "run an operation", func() { c.socket.close(internalError) })

	last := completeMessage(op.id)
	if errs := c.execute(ctx, op, session, params); len(errs) > 0 {
		last = errorMessage(op.id, errs)
	}
	// Where ctx is done the client has completed the operation, or the socket has ended.
	c.socket.push(ctx, frame{kind: websocket.TextMessage, data: last, due: op.release})
}

// execute pushes the operation's results. The errors it returns are those that end the operation: of a
// refusal before the execution, of a panic, of Fail, or of a response without data, which is none of an
// execution but says why there is none (GraphQL specification, section 7.1.2, Request errors).
func (c *connection) execute(ctx context.Context, op *operation, session Session, params *graphql.RawParams) (errs gqlerror.List) {
	var oc *graphql.OperationContext
	failed := &failure{}
	opCtx := context.WithValue(ctx, failureKey{}, failed)
	defer func() {
		if v := recover(); v != nil {
			errs = c.recovered(opCtx, oc, v)
		}
	}()
	if session.Context != nil {
		opCtx = session.Context(opCtx)
	}
	oc, errs = c.exec.CreateOperationContext(opCtx, params)
	opCtx = graphql.WithOperationContext(opCtx, oc)
	if len(errs) > 0 {
		return c.exec.DispatchError(opCtx, errs).Errors
	}
	head := nextHead(op.id)
	responses, resCtx := c.exec.DispatchOperation(opCtx, oc)
	for {
		response := responses(resCtx)
		switch {
		case response == nil:
			if errs := failed.errors(); len(errs) > 0 {
				return c.exec.DispatchError(opCtx, errs).Errors
			}
			return nil
		case response.Data == nil && response.HasNext == nil && len(response.Errors) > 0:
			return response.Errors
		}
		text, err := nextMessage(head, response)
		if err != nil {
			panic(err) // a resolver's extensions that are no JSON: a mistake of ours, like any panic
		}
		if !c.socket.push(ctx, frame{kind: websocket.TextMessage, data: text, due: op.isActive}) {
			return nil
		}
	}
}

// recovered turns a panic into errors for the client, in the executor's own words where it has got so far.
func (c *connection) recovered(ctx context.Context, oc *graphql.OperationContext, v any) gqlerror.List {
	if oc == nil || oc.RecoverFunc == nil {
		c.options.Log.Error("panic", "doing", "prepare an operation", "panic", v)
		return gqlerror.List{{Message: "internal system error"}}
	}
	return c.exec.DispatchError(ctx, gqlerror.List{presentable(oc.Recover(ctx, v))}).Errors
}
