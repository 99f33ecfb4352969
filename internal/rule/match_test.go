package rule_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

var at = worktest.Start

func TestMatch(t *testing.T) {
	t.Parallel()
	t.Run("compares the score and the contact request", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			of        model.Rule
			score     int
			requested bool
			want      bool
		}{
			"any score":                   {model.Rule{}, 5, false, true},
			"any score, an empty list":    {model.Rule{Scores: []int{}}, 10, true, true},
			"the first of the scores":     {model.Rule{Scores: []int{0, 1, 6}}, 0, false, true},
			"the last of the scores":      {model.Rule{Scores: []int{0, 1, 6}}, 6, false, true},
			"between the scores":          {model.Rule{Scores: []int{0, 1, 6}}, 5, false, false},
			"with a contact request":      {model.Rule{ContactRequested: new(true)}, 5, true, true},
			"without a contact request":   {model.Rule{ContactRequested: new(true)}, 5, false, false},
			"excludes contact requests":   {model.Rule{ContactRequested: new(false)}, 5, true, false},
			"excludes requests, has none": {model.Rule{ContactRequested: new(false)}, 5, false, true},
			"the score, not the request":  {model.Rule{Scores: []int{5}, ContactRequested: new(true)}, 5, false, false},
			"the request, not the score":  {model.Rule{Scores: []int{6}, ContactRequested: new(true)}, 5, true, false},
			"both":                        {model.Rule{Scores: []int{5}, ContactRequested: new(true)}, 5, true, true},
		} {
			c.of.Enabled = true
			d := rule.Match(compile(t, c.of), &model.Response{Score: c.score, ContactRequested: c.requested}, &model.Customer{}, at)
			if got := len(d.Matched) == 1; got != c.want {
				t.Errorf("%s: matched is %t", name, got)
			}
		}
	})

	t.Run("applies the filter", func(t *testing.T) {
		t.Parallel()
		c := &model.Customer{Country: new("BR"), Segment: new("Gold"), Company: new("Straße AG")}
		r := &model.Response{Score: 3, RespondedAt: at.Add(-time.Hour), Comment: new("Too late. They can’t co\u2011operate"), Drivers: []string{"Crew"}}
		for filter, want := range map[string]bool{
			`{"customer":{"country":{"eq":"BR"}}}`:                                     true,
			`{"customer":{"country":{"eq":"br"}}}`:                                     true,
			`{"customer":{"country":{"eq":"DE"}}}`:                                     false,
			`{"customer":{"country":{"in":["DE","BR"]}}}`:                              true,
			`{"customer":{"country":{"in":["DE","FR"]}}}`:                              false,
			`{"comment":{"contains":"can't co-operate"}}`:                              true,
			`{"comment":{"contains":"CANʼT"}}`:                                         true,
			`{"comment":{"contains":"cant"}}`:                                          false,
			`{"customer":{"segment":{"eq":"GOLD"}}}`:                                   true,
			`{"customer":{"segment":{"eq":"silver"}}}`:                                 false,
			`{"customer":{"segment":{"in":["silver","gold"]}}}`:                        true,
			`{"customer":{"segment":{"in":["silver"]}}}`:                               false,
			`{"customer":{"company":{"eq":"STRASSE AG"}}}`:                             true,
			`{"customer":{"company":{"eq":"STRASSE"}}}`:                                false,
			`{"customer":{"company":{"in":["acme","strasse ag"]}}}`:                    true,
			`{"customer":{"company":{"in":["acme"]}}}`:                                 false,
			`{"customer":{"country":{"eq":"BR"},"segment":{"eq":"silver"}}}`:           false,
			`{"not":{"customer":{"country":{"eq":"BR"}}}}`:                             false,
			`{"or":[{"customer":{"country":{"eq":"DE"}}},{"category":["DETRACTOR"]}]}`: true,
			`{"and":[{"customer":{"country":{"eq":"BR"}}},{"category":["PROMOTER"]}]}`: false,
			`{"score":{"gte":0,"lte":6}}`:                                              true,
			`{"score":{"in":[7,8]}}`:                                                   false,
			`{"respondedAt":{"withinLast":"PT2H"}}`:                                    true,
			`{"respondedAt":{"withinLast":"PT30M"}}`:                                   false,
			`{"hasCase":false}`:                                                        true, // rules match before a case is opened
			`{"hasCase":true}`:                                                         false,
			`{"contactStatus":["NOT_CONTACTED"]}`:                                      true,
			`{"comment":{"contains":"LATE"}}`:                                          true,
			`{"drivers":{"any":["crew"]}}`:                                             true,
			`{"themeEffort":["HARD"]}`:                                                 true,
			`{"themeEffort":["EASY"]}`:                                                 false,
		} {
			compiled, err := rule.Compile([]model.Rule{{Enabled: true, Filter: json.RawMessage(filter)}})
			if err != nil {
				t.Errorf("%s: %v", filter, err)
				continue
			}
			if got := len(rule.Match(compiled, r, c, at, model.Theme{Effort: model.Hard}).Matched) == 1; got != want {
				t.Errorf("%s: matched is %t", filter, got)
			}
		}
	})

	t.Run("matches an empty field only with not", func(t *testing.T) {
		t.Parallel()
		filters := []string{
			`{"customer":{"country":{"eq":"BR"}}}`, `{"customer":{"segment":{"in":["gold"]}}}`, `{"customer":{"company":{"eq":""}}}`,
		}
		for _, filter := range filters {
			is := compile(t, model.Rule{Enabled: true, Filter: json.RawMessage(filter)})
			isNot := compile(t, model.Rule{Enabled: true, Filter: json.RawMessage(`{"not":` + filter + `}`)})
			nobody := &model.Customer{}
			if got := rule.Match(is, &model.Response{}, nobody, at); len(got.Matched) > 0 {
				t.Errorf("%s matched", filter)
			}
			if got := rule.Match(isNot, &model.Response{}, nobody, at); len(got.Matched) != 1 {
				t.Errorf("not %s did not match", filter)
			}
		}
	})

	t.Run("ignores a disabled rule", func(t *testing.T) {
		t.Parallel()
		d := rule.Match(compile(t, model.Rule{OpensCase: true}), &model.Response{}, &model.Customer{}, at)
		if len(d.Matched) > 0 || d.Opens != nil {
			t.Errorf("%+v", d)
		}
	})

	t.Run("chooses the first rule that opens a case", func(t *testing.T) {
		t.Parallel()
		alert, miss, first, second := named("alert"), named("miss"), named("first"), named("second")
		miss.Scores, miss.OpensCase = []int{10}, true
		first.OpensCase, second.OpensCase = true, true
		d := rule.Match(compile(t, alert, miss, first, second), &model.Response{Score: 2}, &model.Customer{}, at)
		if got := names(d.Matched); !slices.Equal(got, []string{"alert", "first", "second"}) {
			t.Errorf("matched %v", got)
		}
		if d.Opens == nil || d.Opens.Name != "first" {
			t.Errorf("the opening rule is %+v", d.Opens)
		}
		if got := d.CaseRules(); !slices.Equal(got, []model.RuleID{first.ID, alert.ID, second.ID}) {
			t.Errorf("the case names %v", got)
		}
	})

	t.Run("opens nothing for rules that only alert", func(t *testing.T) {
		t.Parallel()
		d := rule.Match(compile(t, named("alert"), named("another alert")), &model.Response{}, &model.Customer{}, at)
		if len(d.Matched) != 2 || d.Opens != nil {
			t.Errorf("%+v", d)
		}
	})
}

func TestDueAt(t *testing.T) {
	t.Parallel()
	opens := named("opens")
	opens.OpensCase, opens.FollowUpTarget = true, new(model.Duration(48*time.Hour))
	r := &model.Response{RespondedAt: at.Add(-72 * time.Hour)}
	d := rule.Match(compile(t, opens), r, &model.Customer{}, at)
	if due := d.DueAt(r); due == nil || !due.Equal(at.Add(-24*time.Hour)) {
		t.Errorf("due at %v", due)
	}
	opens.FollowUpTarget = nil
	d = rule.Match(compile(t, opens), r, &model.Customer{}, at)
	if due := d.DueAt(r); due != nil {
		t.Errorf("without a target, due at %v", due)
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{`{}`, `{"customer":null}`, `{"shoeSize":{"eq":44}}`, `{`, `[]`, `null`} {
		of := named("broken")
		of.Filter = json.RawMessage(filter)
		compiled, err := rule.Compile([]model.Rule{named("good"), of})
		if err == nil {
			t.Errorf("%s was parsed as %+v", filter, compiled[1])
		} else if !strings.Contains(err.Error(), of.ID.String()) {
			t.Errorf("%s: the error does not name the rule: %v", filter, err)
		}
	}
}

func compile(t *testing.T, rules ...model.Rule) []rule.Compiled {
	t.Helper()
	compiled, err := rule.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func named(name string) model.Rule {
	return model.Rule{ID: model.RuleID{UUID: model.NewUUID()}, Name: name, Enabled: true, Strategy: model.Unassigned}
}

func names(rules []*model.Rule) (list []string) {
	for _, r := range rules {
		list = append(list, r.Name)
	}
	return list
}
