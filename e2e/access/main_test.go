// Package access holds end-to-end tests of who may see and change what: roles, scopes, and fields with personal data.
package access

import "github.com/closeloop/closeloop/e2e/setup"

// vars are the variables of a GraphQL operation.
type vars = setup.Vars
