// Package sharing holds end-to-end tests of answers that equal queries share: that they are shared, and that none is older
// than its request.
package sharing

import (
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
)

func TestMain(m *testing.M) { setup.Main(m) }

type vars = setup.Vars
