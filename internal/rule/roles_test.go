package rule_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.rulesOf("ab")
	agent, manager := w.Viewer(model.Agent), w.Viewer(model.Manager)
	calls := map[string]func(auth.Viewer) error{
		"Create": func(v auth.Viewer) error {
			_, err := w.rules.Create(t.Context(), v, rule.CreateRuleInput{Name: "c"})
			return err
		},
		"Update": func(v auth.Viewer) error {
			_, err := w.rules.Update(t.Context(), v, rule.UpdateRuleInput{RuleID: ids['a'], Enabled: worktest.Given(true)})
			return err
		},
		"Move": func(v auth.Viewer) error {
			_, err := w.rules.Move(t.Context(), v, rule.MoveRuleInput{RuleID: ids['b'], Position: 1})
			return err
		},
		"Delete": func(v auth.Viewer) error {
			_, err := w.rules.Delete(t.Context(), v, rule.DeleteRuleInput{RuleID: ids['a']})
			return err
		},
		"Preview": func(v auth.Viewer) error {
			_, err := w.rules.Preview(t.Context(), v, rule.CreateRuleInput{Name: "c"}, time.Time{})
			return err
		},
	}
	for name, call := range calls {
		worktest.Refused(t, name+" by an agent", call(agent), fault.CodeForbidden, "")
		worktest.Refused(t, name+" by nobody", call(auth.Viewer{}), fault.CodeUnauthenticated, "")
	}
	if r := worktest.Read[model.Rule](t, w.DB, ids['a']); r.Enabled || w.order() != "ab" {
		t.Errorf("a refused write changed the rules: %+v, in the order %s", r, w.order())
	}
	for _, name := range []string{"Create", "Update", "Move", "Preview", "Delete"} {
		if err := calls[name](manager); err != nil {
			t.Errorf("%s by a manager: %v", name, err)
		}
	}
}
