package httpd

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/fault"
)

// singleAnswer marks the context of a request that receives exactly one answer.
type singleAnswer struct{}

// streamOnly refuses a subscription in a request for a single answer: the request would wait for the first event and end
// with it.
type streamOnly struct{}

var (
	_ graphql.HandlerExtension        = streamOnly{}
	_ graphql.OperationContextMutator = streamOnly{}
)

func (streamOnly) ExtensionName() string { return "StreamOnly" }

func (streamOnly) Validate(graphql.ExecutableSchema) error { return nil }

func (streamOnly) MutateOperationContext(ctx context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	if dry, err := dryRun(oc); err == nil && dry { // its price is a single answer
		return nil
	}
	if once, _ := ctx.Value(singleAnswer{}).(bool); once && oc.Operation.Operation == ast.Subscription {
		return gqlerror.Wrap(fault.New(fault.CodeBadUserInput, "a subscription needs a stream: send this request with Accept: text/event-stream, or connect to this address by WebSocket with the sub-protocol graphql-transport-ws"))
	}
	return nil
}
