package rule_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

var at = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

func TestARuleMatchesByScoreAndContactRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		of        model.Rule
		score     int
		requested bool
		want      bool
	}{
		"any score":                    {model.Rule{}, 5, false, true},
		"any score, an empty list":     {model.Rule{Scores: []int{}}, 10, true, true},
		"the first of the scores":      {model.Rule{Scores: []int{0, 1, 6}}, 0, false, true},
		"the last of the scores":       {model.Rule{Scores: []int{0, 1, 6}}, 6, false, true},
		"between the scores":           {model.Rule{Scores: []int{0, 1, 6}}, 5, false, false},
		"contact was asked for":        {model.Rule{ContactRequested: new(true)}, 5, true, true},
		"contact was not asked for":    {model.Rule{ContactRequested: new(true)}, 5, false, false},
		"only those without: with":     {model.Rule{ContactRequested: new(false)}, 5, true, false},
		"only those without: without":  {model.Rule{ContactRequested: new(false)}, 5, false, true},
		"the score, but not the other": {model.Rule{Scores: []int{5}, ContactRequested: new(true)}, 5, false, false},
		"the other, but not the score": {model.Rule{Scores: []int{6}, ContactRequested: new(true)}, 5, true, false},
		"both":                         {model.Rule{Scores: []int{5}, ContactRequested: new(true)}, 5, true, true},
	} {
		c.of.Enabled = true
		d := rule.Match(compile(t, c.of), &model.Response{Score: c.score, ContactRequested: c.requested}, &model.Customer{}, at)
		if got := len(d.Matched) == 1; got != c.want {
			t.Errorf("%s: matched is %t", name, got)
		}
	}
}

func TestARuleMatchesByItsFilter(t *testing.T) {
	t.Parallel()
	c := &model.Customer{Country: new("BR"), Segment: new("Gold"), Company: new("Straße AG")}
	r := &model.Response{Score: 3, RespondedAt: at.Add(-time.Hour), Comment: new("Too late"), Drivers: []string{"Crew"}}
	for filter, want := range map[string]bool{
		`{"customer":{"country":{"eq":"BR"}}}`:                                     true,
		`{"customer":{"country":{"eq":"br"}}}`:                                     true,
		`{"customer":{"country":{"eq":"DE"}}}`:                                     false,
		`{"customer":{"country":{"in":["DE","BR"]}}}`:                              true,
		`{"customer":{"country":{"in":["DE","FR"]}}}`:                              false,
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
		`{"hasCase":false}`:                                                        true, // it is opened by what rules decide
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
}

func TestAFilterOfWhatTheCustomerLacksDoesNotMatchButItsOppositeDoes(t *testing.T) {
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
}

func TestARuleThatIsSwitchedOffMatchesNothing(t *testing.T) {
	t.Parallel()
	d := rule.Match(compile(t, model.Rule{OpensCase: true}), &model.Response{}, &model.Customer{}, at)
	if len(d.Matched) > 0 || d.Opens != nil {
		t.Errorf("%+v", d)
	}
}

func TestTheFirstMatchingRuleThatOpensOpens(t *testing.T) {
	t.Parallel()
	tell, miss, first, second := named("tell"), named("miss"), named("first"), named("second")
	miss.Scores, miss.OpensCase = []int{10}, true
	first.OpensCase, second.OpensCase = true, true
	d := rule.Match(compile(t, tell, miss, first, second), &model.Response{Score: 2}, &model.Customer{}, at)
	if got := names(d.Matched); !slices.Equal(got, []string{"tell", "first", "second"}) {
		t.Errorf("matched %v", got)
	}
	if d.Opens == nil || d.Opens.Name != "first" {
		t.Errorf("%+v opens", d.Opens)
	}
	if got := d.CaseRules(); !slices.Equal(got, []model.RuleID{first.ID, tell.ID, second.ID}) {
		t.Errorf("the case names %v", got)
	}
}

func TestRulesThatOnlyTellOpenNothing(t *testing.T) {
	t.Parallel()
	d := rule.Match(compile(t, named("tell"), named("tell too")), &model.Response{}, &model.Customer{}, at)
	if len(d.Matched) != 2 || d.Opens != nil {
		t.Errorf("%+v", d)
	}
}

func TestTheTargetIsMeasuredFromTheResponse(t *testing.T) {
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

func TestAFilterThatCannotBeReadIsNotPassedOver(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{`{}`, `{"customer":null}`, `{"shoeSize":{"eq":44}}`, `{`, `[]`, `null`} {
		of := named("broken")
		of.Filter = json.RawMessage(filter)
		compiled, err := rule.Compile([]model.Rule{named("good"), of})
		if err == nil {
			t.Errorf("%s was read as %+v", filter, compiled[1])
		} else if !strings.Contains(err.Error(), of.ID.String()) {
			t.Errorf("%s: the complaint does not say which rule: %v", filter, err)
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
