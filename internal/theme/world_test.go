package theme_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/internal/worktest"
)

type world struct {
	*worktest.World
	themes *theme.Themes
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return over(worktest.New(t))
}

// newAgentWorld makes a world in which an agent calls.
func newAgentWorld(t *testing.T) *world {
	t.Helper()
	return over(worktest.NewWithAgent(t))
}

func over(w *worktest.World) *world { return &world{w, theme.New(w.DB, w.Queue, w.Now)} }
