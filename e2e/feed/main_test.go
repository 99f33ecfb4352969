// Package feed holds end-to-end tests of the feed of events and the live summary.
package feed

import "github.com/closeloop/closeloop/e2e/setup"

// vars are the variables of a GraphQL operation.
type vars = setup.Vars
