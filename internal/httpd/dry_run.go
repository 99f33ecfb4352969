package httpd

import (
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
)

// dryRunHeader asks for the price of a request's operations, or of all operations of a socket, instead of their results.
const dryRunHeader = "Closeloop-Dry-Run"

// dryRun reports whether the client asks for the price alone: by the header, or by `extensions.cost.dryRun` of the request.
// It refuses any other value than true and false, and any other entry of `extensions.cost`, so that a slip does not run a
// mutation.
func dryRun(oc *graphql.OperationContext) (bool, error) {
	asked := false
	if values := oc.Headers.Values(dryRunHeader); len(values) > 0 {
		switch strings.ToLower(strings.TrimSpace(strings.Join(values, ","))) {
		case "true":
			asked = true
		case "false":
		default:
			return false, fault.New(fault.CodeBadUserInput, "the header %s must be true or false", dryRunHeader)
		}
	}
	given, there := oc.Extensions["cost"]
	if !there {
		return asked, nil
	}
	cost, _ := given.(map[string]any)
	dry, ok := cost["dryRun"]
	if !ok || len(cost) != 1 {
		return false, fault.New(fault.CodeBadUserInput, "extensions.cost of the request must be an object with dryRun and nothing else: {\"dryRun\": true}")
	}
	if dry, ok := dry.(bool); ok {
		return asked || dry, nil
	}
	return false, fault.New(fault.CodeBadUserInput, "extensions.cost.dryRun of the request must be true or false")
}
