// Package casework holds end-to-end tests of cases from the rule that opens them to their closing: the recipes, escalation, the preview of rules, the passives queue.
package casework

import (
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
)

// vars are the variables of a GraphQL operation.
type vars = setup.Vars

// TestMain lets the test binary act as closeloop.
func TestMain(m *testing.M) { setup.Main(m) }
