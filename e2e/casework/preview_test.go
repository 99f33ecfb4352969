package casework

import (
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestPreviewRule(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.Submit(vars{"score": 2, "customer": vars{"country": "BR"}})
	s.Submit(vars{"score": 7, "customer": vars{"country": "BR"}})
	s.Submit(vars{"score": 8, "customer": vars{"country": "DE"}, "respondedAt": "2020-01-01T00:00:00Z"})
	rule := s.AddRule(vars{"scores": []int{2}})
	followed, _ := s.Submit(vars{"score": 2, "customer": vars{"country": "BR"}})

	const preview = `query ($rule: CreateRuleInput!, $since: DateTime!) {previewRule(rule: $rule, since: $since) {
		matched casesOpened byCategory {category count} sample {id score}}}`
	of := func(rule vars) setup.Tree {
		t.Helper()
		return s.OK(model.Manager, preview, vars{"rule": rule, "since": "2021-01-01T00:00:00Z"}).At("previewRule")
	}
	all := of(vars{"name": "all"})
	if all.Number("matched") != 3 || all.Number("casesOpened") != 2 || all.Number("byCategory.0.count") != 2 || all.Number("byCategory.1.count") != 1 ||
		all.Number("byCategory.2.count") != 0 || len(all.List("sample")) != 3 || all.Text("sample.0.id") != followed {
		t.Errorf("all: %v", all.V)
	}
	brazil := of(vars{"name": "Brazil", "scores": []int{7, 8}, "opensCase": false, "filter": vars{"customer": vars{"country": vars{"eq": "br"}}}})
	if brazil.Number("matched") != 1 || brazil.Number("casesOpened") != 0 || brazil.Number("sample.0.score") != 7 {
		t.Errorf("Brazil: %v", brazil.V)
	}
	// The preview sees responses as they were on arrival: without a case or a contact.
	for _, f := range []vars{{"hasCase": false}, {"contactStatus": []string{"NOT_CONTACTED"}}, {"not": vars{"hasCase": true}}} {
		if got := of(vars{"name": "new", "filter": f}); got.Number("matched") != 3 {
			t.Errorf("%v: %v", f, got.V)
		}
	}
	if got := of(vars{"name": "old", "filter": vars{"hasCase": true}}); got.Number("matched") != 0 {
		t.Errorf("those with a case: %v", got.V)
	}
	if bad := s.Do(model.Manager, preview, vars{"rule": vars{"name": "x", "scores": []int{11}}, "since": "2021-01-01T00:00:00Z"}); bad.Code() != "BAD_USER_INPUT" || bad.Errors[0].Argument() != "rule.scores[0]" {
		t.Errorf("a score of 11: %+v", bad)
	}
	if n := s.Count("rules"); n != 1 {
		t.Errorf("%d rules: a preview keeps nothing but %s", n, rule)
	}

	const recipes = `{ruleRecipes {key name description scores contactRequested filter opensCase followUpTarget notify}}`
	for _, r := range s.OK(model.Manager, recipes, nil).List("ruleRecipes") {
		given := r.V.(map[string]any)
		notify := []vars{}
		for _, kind := range given["notify"].([]any) {
			notify = append(notify, vars{"kind": kind})
		}
		s.AddRule(vars{"name": given["name"], "scores": given["scores"], "contactRequested": given["contactRequested"], "filter": given["filter"],
			"opensCase": given["opensCase"], "followUpTarget": given["followUpTarget"], "notify": notify})
	}
	if n := s.Count("rules"); n != 5 {
		t.Errorf("%d rules of four recipes and one", n)
	}
}
