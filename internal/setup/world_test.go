package setup_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
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

func newEmptyWorld(t *testing.T) *world {
	t.Helper()
	w := worktest.NewEmpty(t)
	return &world{w, setup.New(w.DB, w.Work, w.Log, w.Now)}
}

func (w *world) rule(in setup.CreateRuleInput) *model.Rule {
	w.T.Helper()
	out, err := w.setup.CreateRule(w.T.Context(), in)
	if err != nil {
		w.T.Fatalf("make a rule: %v", err)
	}
	return out.Rule
}
