// Package intake holds end-to-end tests of how responses come in: one, many at once, and files.
package intake

import (
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
)

// vars are the variables of a GraphQL operation.
type vars = setup.Vars

// TestMain lets the test binary act as closeloop.
func TestMain(m *testing.M) { setup.Main(m) }
