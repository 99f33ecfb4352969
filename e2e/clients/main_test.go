// Package clients holds end-to-end tests of what clients of other people's making rely on: client libraries, tokens and sessions.
package clients

import "github.com/closeloop/closeloop/e2e/setup"

// vars are the variables of a GraphQL operation.
type vars = setup.Vars
