// Package read holds end-to-end tests of lists and reports: filters, figures, and the number of SQL statements.
package read

import (
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
)

// vars are the variables of a GraphQL operation.
type vars = setup.Vars

// TestMain lets the test binary act as closeloop.
func TestMain(m *testing.M) { setup.Main(m) }
