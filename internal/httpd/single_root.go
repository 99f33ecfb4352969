package httpd

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// singleRoot refuses a subscription that does not ask for exactly one root field once its fragments and its directives @skip
// and @include are applied (GraphQL specification, section 5.2.3.1, Single Root Field). The validation of the document cannot
// see the values of variables, and the generated code would fail.
//
// The generated code makes the answers of a subscription outside its root field, so that their errors would lack the root
// field in `path`. singleRoot makes them inside it.
//
// It must come after the extension that coerces the variables, and before all that charges or runs.
type singleRoot struct{}

var (
	_ graphql.HandlerExtension        = singleRoot{}
	_ graphql.OperationContextMutator = singleRoot{}
	_ graphql.ResponseInterceptor     = singleRoot{}
)

const singleRootName = "SingleRoot"

// ExtensionName implements graphql.HandlerExtension.
func (singleRoot) ExtensionName() string { return singleRootName }

// Validate implements graphql.HandlerExtension.
func (singleRoot) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (singleRoot) MutateOperationContext(_ context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	if oc.Operation.Operation != ast.Subscription {
		return nil
	}
	roots := graphql.CollectFields(oc, oc.Operation.SelectionSet, []string{"Subscription"})
	if len(roots) == 1 && !strings.HasPrefix(roots[0].Name, "__") {
		oc.Stats.SetExtension(singleRootName, roots[0])
		return nil
	}
	err := gqlerror.ErrorPosf(oc.Operation.Position, "a subscription must ask for exactly one root field, after @skip and @include, and not for __typename: send each subscription as an operation of its own")
	errcode.Set(err, errcode.ValidationFailed)
	return err
}

// InterceptResponse implements graphql.ResponseInterceptor.
func (singleRoot) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if !graphql.HasOperationContext(ctx) { // the request was refused before there was an operation
		return next(ctx)
	}
	if root, ok := graphql.GetOperationContext(ctx).Stats.GetExtension(singleRootName).(graphql.CollectedField); ok {
		ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Subscription", Field: root})
	}
	return next(ctx)
}
