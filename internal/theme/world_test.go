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
	w := worktest.New(t)
	return &world{w, theme.New(w.DB, w.Queue, w.Now)}
}
