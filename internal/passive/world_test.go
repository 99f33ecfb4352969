package passive_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/worktest"
)

type world struct{ *worktest.World }

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{worktest.NewWithAgent(t)}
}
