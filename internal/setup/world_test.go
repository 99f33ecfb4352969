package setup_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/internal/worktest"
)

var start = worktest.Start

type world struct {
	*worktest.World
	setup *setup.Setup
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := worktest.New(t)
	return &world{w, setup.New(w.DB, w.Work, w.Log, w.Now)}
}
