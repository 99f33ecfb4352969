package httpd

import (
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
)

// dryRunHeader asks for the price of a request's operations, or of all operations of a socket, instead of their results.
const dryRunHeader = "Closeloop-Dry-Run"

// dryRun reports whether the client asks for the price alone: by the header, or by `extensions.cost.dryRun` of the request.
// It refuses any other value than true and false, so that a slip does not run a mutation.
func dryRun(oc *graphql.OperationContext) (bool, error) {
	byHeader := strings.ToLower(strings.TrimSpace(oc.Headers.Get(dryRunHeader)))
	switch byHeader {
	case "", "true", "false":
	default:
		return false, fault.New(fault.CodeBadUserInput, "the header %s must be true or false", dryRunHeader)
	}
	asked := byHeader == "true"
	given, there := oc.Extensions["cost"]
	if !there || given == nil {
		return asked, nil
	}
	cost, ok := given.(map[string]any)
	if !ok {
		return false, fault.New(fault.CodeBadUserInput, "extensions.cost of the request must be an object, such as {\"dryRun\": true}")
	}
	switch dry := cost["dryRun"].(type) {
	case nil:
		return asked, nil
	case bool:
		return asked || dry, nil
	}
	return false, fault.New(fault.CodeBadUserInput, "extensions.cost.dryRun of the request must be true or false")
}
