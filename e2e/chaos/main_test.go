// Package chaos holds end-to-end tests of what survives when programs are killed and databases are moved: no event, response or mail is lost or repeated.
package chaos

import (
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
)

// vars are the variables of a GraphQL operation.
type vars = setup.Vars

// TestMain lets the test binary act as closeloop.
func TestMain(m *testing.M) { setup.Main(m) }
