package httpd

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/fault"
)

// answersOnce marks the context of a request that gets one answer.
type answersOnce struct{}

// onlyLive refuses a subscription in such a request: it would wait for the first event, and end with it.
type onlyLive struct{}

var (
	_ graphql.HandlerExtension        = onlyLive{}
	_ graphql.OperationContextMutator = onlyLive{}
)

func (onlyLive) ExtensionName() string { return "OnlyLive" }

func (onlyLive) Validate(graphql.ExecutableSchema) error { return nil }

func (onlyLive) MutateOperationContext(ctx context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	if once, _ := ctx.Value(answersOnce{}).(bool); once && oc.Operation.Operation == ast.Subscription {
		return gqlerror.Wrap(fault.New(fault.CodeBadUserInput, "a subscription needs a stream: send this request with Accept: text/event-stream, or connect to this address by WebSocket with the sub-protocol graphql-transport-ws"))
	}
	return nil
}
