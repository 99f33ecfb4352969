// Package connections holds end-to-end tests of what clients that misbehave cost a server: connections that stay silent,
// bodies that nobody wants, and answers that nobody reads.
package connections

import (
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
)

func TestMain(m *testing.M) { setup.Main(m) }
