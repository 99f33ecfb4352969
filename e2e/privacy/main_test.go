// Package privacy holds end-to-end tests of erasure, export and redaction of personal data.
package privacy

import "github.com/closeloop/closeloop/e2e/setup"

// vars are the variables of a GraphQL operation.
type vars = setup.Vars
