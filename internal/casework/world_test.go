package casework_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/worktest"
)

type world struct{ *worktest.World }

func newWorld(t *testing.T, opts ...pgtest.Option) *world {
	t.Helper()
	return &world{worktest.NewWithAgent(t, opts...)}
}
