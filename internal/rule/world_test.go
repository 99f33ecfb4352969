package rule_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

type world struct {
	*worktest.World
	rules *rule.Rules
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := worktest.New(t)
	return &world{w, rule.New(w.DB, w.Revisions, w.Now)}
}

func (w *world) rule(in rule.CreateRuleInput) *model.Rule {
	w.T.Helper()
	out, err := w.rules.Create(w.T.Context(), w.Admin, in)
	if err != nil {
		w.T.Fatalf("make a rule: %v", err)
	}
	return out.Rule
}
