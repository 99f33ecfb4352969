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
	return withThemes(worktest.New(t))
}

// newAgentWorld returns a world whose caller is an agent.
func newAgentWorld(t *testing.T) *world {
	t.Helper()
	return withThemes(worktest.NewWithAgent(t))
}

func withThemes(w *worktest.World) *world { return &world{w, theme.New(w.Revisions, w.Queue, w.Now)} }
