// Package webhook holds end-to-end tests of webhooks, and the example receiver.
package webhook

import "github.com/closeloop/closeloop/e2e/setup"

// vars are the variables of a GraphQL operation.
type vars = setup.Vars
