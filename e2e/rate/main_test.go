// Package rate holds end-to-end tests of limits: prices, budgets, and requests that ask for too much.
package rate

import "github.com/closeloop/closeloop/e2e/setup"

// vars are the variables of a GraphQL operation.
type vars = setup.Vars
