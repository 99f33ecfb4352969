package access

import (
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestUnscopedFieldsRefuseRestrictedUsers(t *testing.T) {
	t.Parallel()
	w := newThings(t)
	w.AddUser("scoped", vars{"role": "MANAGER", "scope": setup.British})
	w.AddUser("masked", vars{"role": "MANAGER", "personalData": false})
	w.AddUser("mine", vars{"role": "MANAGER", "scope": vars{"ownCasesOnly": true}})
	s := setup.Schema()
	closed := 0
	for place, u := range uses {
		root, name, _ := strings.Cut(place, ".")
		if root == "Subscription" || s.Types[root].Fields.ForName(name).Directives.ForName("scoped") != nil || !slices.Contains(u.roles, model.Manager) {
			continue
		}
		closed++
		var input any
		if u.input != nil {
			input = u.input(w)
		}
		before := everything(w.Server)
		for _, who := range []model.Role{"scoped", "masked", "mine"} {
			if a := w.Do(who, u.query, vars{"input": input}); a.Code() != "FORBIDDEN" || a.V != nil {
				t.Errorf("%s as %s: %s", place, who, a.Body)
			}
		}
		if everything(w.Server) != before {
			t.Errorf("%s was refused, and yet something was written", place)
		}
	}
	if closed < 4 {
		t.Errorf("only %d fields were looked at", closed)
	}
	if a := w.Do("scoped", `mutation ($input: DeleteRuleInput!) {...all} fragment all on Mutation {gone: deleteRule(input: $input) {deletedId}}`,
		vars{"input": vars{"ruleId": w.rule}}); a.Code() != "FORBIDDEN" {
		t.Errorf("behind a fragment: %s", a.Body)
	}
	w.OK("scoped", `{__typename __schema {queryType {name}}}`, nil)
}
