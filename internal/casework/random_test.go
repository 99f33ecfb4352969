package casework_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// After a few hundred random writes by several users at once, each copy must equal the value that it copies.
func TestCopiesMatchAfterManyRandomWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	agents := []*model.User{w.Agent.User, w.User("bo@care.example", model.Agent), w.User("cy@care.example", model.Manager)}
	w.Rule("detractors", func(r *model.Rule) {
		r.Scores, r.Strategy, r.UserID = []int{0, 1, 2}, model.ToUser, &agents[1].ID
	})
	w.Rule("brazil", func(r *model.Rule) {
		r.Scores, r.Filter = []int{2, 9}, json.RawMessage(`{"customer":{"country":{"in":["BR","DE"]}}}`)
	})
	worktest.AtOnce(4, func(i int) {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		for n := range 80 {
			if err := w.WriteAnything(random, agents); err != nil {
				var refused *fault.Error
				if !errors.As(err, &refused) {
					t.Errorf("write %d of %d: %v", n, i, err)
				}
			}
		}
	})
	w.CheckCopies()
	for table, least := range map[string]int{"cases": 40, "case_events": 200, "notes": 20} {
		if n := w.Count("SELECT count(*) FROM " + table); n < least {
			t.Errorf("%s has %d rows, want at least %d for a meaningful test", table, n, least)
		}
	}
}
