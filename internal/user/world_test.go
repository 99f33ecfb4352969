package user_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

type world struct {
	*worktest.World
	users *user.Users
	rules *rule.Rules
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return over(worktest.New(t))
}

func newEmptyWorld(t *testing.T) *world {
	t.Helper()
	return over(worktest.NewEmpty(t))
}

func over(w *worktest.World) *world {
	return &world{w, user.New(w.Revisions, w.Work, w.Log, w.Now), rule.New(w.DB, w.Revisions, w.Now)}
}

func (w *world) rule(in rule.CreateRuleInput) *model.Rule {
	w.T.Helper()
	out, err := w.rules.Create(w.T.Context(), w.Admin, in)
	if err != nil {
		w.T.Fatalf("make a rule: %v", err)
	}
	return out.Rule
}
