package main

import (
	"testing"

	"github.com/closeloop/closeloop/model"
)

func TestARuleIsTriedOnThePastAndEveryRecipeMakesARule(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.submitted(vars{"score": 2, "customer": vars{"country": "BR"}})
	s.submitted(vars{"score": 7, "customer": vars{"country": "BR"}})
	s.submitted(vars{"score": 8, "customer": vars{"country": "DE"}, "respondedAt": "2020-01-01T00:00:00Z"})
	rule := s.addRule(vars{"scores": []int{2}})
	followed, _ := s.submitted(vars{"score": 2, "customer": vars{"country": "BR"}})

	const preview = `query ($rule: CreateRuleInput!, $since: DateTime!) {previewRule(rule: $rule, since: $since) {
		matched casesOpened byCategory {category count} sample {id score}}}`
	of := func(rule vars) tree {
		t.Helper()
		return s.ok(model.Manager, preview, vars{"rule": rule, "since": "2021-01-01T00:00:00Z"}).at("previewRule")
	}
	all := of(vars{"name": "all"})
	if all.number("matched") != 3 || all.number("casesOpened") != 2 || all.number("byCategory.0.count") != 2 || all.number("byCategory.1.count") != 1 ||
		all.number("byCategory.2.count") != 0 || len(all.list("sample")) != 3 || all.text("sample.0.id") != followed {
		t.Errorf("all: %v", all.v)
	}
	brazil := of(vars{"name": "Brazil", "scores": []int{7, 8}, "opensCase": false, "filter": vars{"customer": vars{"country": vars{"eq": "br"}}}})
	if brazil.number("matched") != 1 || brazil.number("casesOpened") != 0 || brazil.number("sample.0.score") != 7 {
		t.Errorf("Brazil: %v", brazil.v)
	}
	// As it was when they came in: no case, and nobody had called.
	for _, f := range []vars{{"hasCase": false}, {"contactStatus": []string{"NOT_CONTACTED"}}, {"not": vars{"hasCase": true}}} {
		if got := of(vars{"name": "new", "filter": f}); got.number("matched") != 3 {
			t.Errorf("%v: %v", f, got.v)
		}
	}
	if got := of(vars{"name": "old", "filter": vars{"hasCase": true}}); got.number("matched") != 0 {
		t.Errorf("those with a case: %v", got.v)
	}
	if bad := s.gql(model.Manager, preview, vars{"rule": vars{"name": "x", "scores": []int{11}}, "since": "2021-01-01T00:00:00Z"}); bad.code() != "BAD_USER_INPUT" || bad.errors[0].argument() != "rule.scores[0]" {
		t.Errorf("a score of 11: %+v", bad)
	}
	if n := s.count("rules"); n != 1 {
		t.Errorf("%d rules: a preview keeps nothing but %s", n, rule)
	}

	const recipes = `{ruleRecipes {key name description scores contactRequested filter opensCase followUpTarget notify}}`
	for _, r := range s.ok(model.Manager, recipes, nil).list("ruleRecipes") {
		given := r.v.(map[string]any)
		notify := []vars{}
		for _, kind := range given["notify"].([]any) {
			notify = append(notify, vars{"kind": kind})
		}
		s.addRule(vars{"name": given["name"], "scores": given["scores"], "contactRequested": given["contactRequested"], "filter": given["filter"],
			"opensCase": given["opensCase"], "followUpTarget": given["followUpTarget"], "notify": notify})
	}
	if n := s.count("rules"); n != 5 {
		t.Errorf("%d rules of four recipes and one", n)
	}
}
