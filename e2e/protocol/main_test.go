// Package protocol holds end-to-end tests of GraphQL over HTTP: methods, media types, statuses, and requests that are no
// GraphQL.
package protocol

import "github.com/closeloop/closeloop/e2e/setup"

// vars are the variables of a GraphQL operation.
type vars = setup.Vars
