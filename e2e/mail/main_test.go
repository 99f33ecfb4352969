// Package mail holds end-to-end tests of mails: their content, and what happens to a mail that cannot be sent.
package mail

import "github.com/closeloop/closeloop/e2e/setup"

// vars are the variables of a GraphQL operation.
type vars = setup.Vars
