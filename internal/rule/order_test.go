package rule_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestMove(t *testing.T) {
	t.Parallel()
	t.Run("shifts the other rules", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		rules := w.rulesOf("abcde")
		for _, step := range []struct {
			rule byte
			to   int
			want string
		}{
			{'a', 3, "bcade"}, {'e', 1, "ebcad"}, {'e', 5, "bcade"}, {'c', 2, "bcade"}, {'d', 1, "dbcae"}, {'b', 3, "dcbae"},
		} {
			out, err := w.rules.Move(t.Context(), w.Admin, rule.MoveRuleInput{RuleID: rules[step.rule], Position: step.to})
			if err != nil {
				t.Fatal(err)
			}
			var answered strings.Builder
			for i, r := range out.Rules {
				answered.WriteString(r.Name)
				if r.Position != i+1 {
					t.Errorf("%s has the position %d", r.Name, r.Position)
				}
			}
			if answered.String() != step.want || w.order() != step.want {
				t.Errorf("%c to %d: answered %s, stored %s", step.rule, step.to, answered.String(), w.order())
			}
		}
	})

	t.Run("refuses a position outside the list, and a deleted rule", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		rules := w.rulesOf("abc")
		w.delete(rules['b'])
		for name, c := range map[string]struct {
			code     fault.Code
			argument string
			in       rule.MoveRuleInput
		}{
			"before the first": {fault.CodeBadUserInput, "input.position", rule.MoveRuleInput{RuleID: rules['a'], Position: 0}},
			"after the last":   {fault.CodeBadUserInput, "input.position", rule.MoveRuleInput{RuleID: rules['a'], Position: 3}},
			"no such rule":     {fault.CodeNotFound, "input.ruleId", rule.MoveRuleInput{RuleID: model.RuleID{UUID: model.NewUUID()}, Position: 1}},
			"a deleted rule":   {fault.CodeNotFound, "input.ruleId", rule.MoveRuleInput{RuleID: rules['b'], Position: 1}},
		} {
			out, err := w.rules.Move(t.Context(), w.Admin, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: answered %+v", name, out)
			}
		}
		if got := w.order(); got != "ac" {
			t.Errorf("the order is %s", got)
		}
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rules := w.rulesOf("abc")
	w.Must("UPDATE rules SET enabled = true, opens_case = true")
	in, err := intake.New(w.Work).Submit(t.Context(), w.Admin, intake.SubmitResponseInput{Score: 3})
	if err != nil {
		t.Fatal(err)
	}
	w.Time = w.Time.Add(time.Hour)
	out, err := w.rules.Delete(t.Context(), w.Admin, rule.DeleteRuleInput{RuleID: rules['a']})
	if err != nil || out.DeletedID != rules['a'] {
		t.Fatalf("%+v: %v", out, err)
	}
	if got := w.order(); got != "bc" {
		t.Errorf("the order is %s", got)
	}
	if r := worktest.Read[model.Rule](w.T, w.DB, rules['a']); r.DeletedAt == nil || !r.DeletedAt.Equal(w.Time) || r.Name != "a" {
		t.Errorf("%+v", r)
	}
	if n := w.Count("SELECT count(*) FROM case_rules WHERE case_id = $1 AND rule_id = $2", in.Case.ID.UUID, rules['a'].UUID); n != 1 {
		t.Error("the case that the rule opened does not name the rule")
	}
	_, err = w.rules.Delete(t.Context(), w.Admin, rule.DeleteRuleInput{RuleID: rules['a']})
	worktest.Refused(t, "again", err, fault.CodeNotFound, "input.ruleId")
	_, err = w.rules.Delete(t.Context(), w.Admin, rule.DeleteRuleInput{RuleID: model.RuleID{UUID: model.NewUUID()}})
	worktest.Refused(t, "no such rule", err, fault.CodeNotFound, "input.ruleId")

	again, err := intake.New(w.Work).Submit(t.Context(), w.Admin, intake.SubmitResponseInput{Score: 3})
	if err != nil {
		t.Fatal(err)
	}
	if n := w.Count("SELECT count(*) FROM response_rules WHERE response_id = $1", again.Response.ID.UUID); n != 2 {
		t.Errorf("a later response matched %d rules", n)
	}
}

func TestRulesAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("leave no gap after many creations, moves and deletions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		rules := w.rulesOf("abcdefgh")
		made := make(chan int, 8)
		worktest.AtOnce(24, func(i int) {
			var err error
			switch i % 3 {
			case 0:
				var out *rule.CreateRulePayload
				if out, err = w.rules.Create(t.Context(), w.Admin, rule.CreateRuleInput{Name: fmt.Sprint(i)}); err == nil {
					made <- out.Rule.Position
				}
			case 1:
				_, err = w.rules.Move(t.Context(), w.Admin, rule.MoveRuleInput{RuleID: rules["abcdefgh"[i/3]], Position: 1 + i%4})
			case 2:
				_, err = w.rules.Delete(t.Context(), w.Admin, rule.DeleteRuleInput{RuleID: rules["abcd"[i/3%4]]}) // each twice
			}
			if err != nil && !fault.Is(err, fault.CodeNotFound) {
				t.Errorf("write %d: %v", i, err)
			}
		})
		if len(made) != 8 {
			t.Errorf("%d rules were made, want 8", len(made))
		}
		var positions []int
		if err := w.DB.Gorm.Raw("SELECT position FROM rules WHERE deleted_at IS NULL ORDER BY position").Scan(&positions).Error; err != nil {
			t.Fatal(err)
		}
		if want := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(positions, want) {
			t.Errorf("the positions are %v", positions)
		}
	})

	t.Run("keep both of two updates of one rule", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.rule(rule.CreateRuleInput{Name: "all", Scores: []int{1}}).ID
		for range 5 {
			w.Must("UPDATE rules SET name = 'all', enabled = false WHERE id = $1", id.UUID)
			worktest.AtOnce(2, func(i int) {
				in := []rule.UpdateRuleInput{{RuleID: id, Name: worktest.Given("some")}, {RuleID: id, Enabled: worktest.Given(true)}}[i]
				if _, err := w.rules.Update(t.Context(), w.Admin, in); err != nil {
					t.Errorf("change %d: %v", i, err)
				}
			})
			if r := worktest.Read[model.Rule](w.T, w.DB, id); r.Name != "some" || !r.Enabled {
				t.Fatalf("one change undid the other: %+v", r)
			}
		}
	})
}

// rulesOf makes a rule for each letter, in order.
func (w *world) rulesOf(names string) map[byte]model.RuleID {
	w.T.Helper()
	rules := map[byte]model.RuleID{}
	for i := range len(names) {
		rules[names[i]] = w.rule(rule.CreateRuleInput{Name: names[i : i+1]}).ID
	}
	return rules
}

func (w *world) delete(id model.RuleID) {
	w.T.Helper()
	if _, err := w.rules.Delete(w.T.Context(), w.Admin, rule.DeleteRuleInput{RuleID: id}); err != nil {
		w.T.Fatal(err)
	}
}

// order returns the names of the rules by position, with a '?' after a rule whose position is not the next one.
func (w *world) order() string {
	w.T.Helper()
	var rows []struct {
		Name     string
		Position int
	}
	if err := w.DB.Gorm.Raw("SELECT name, position FROM rules WHERE deleted_at IS NULL ORDER BY position").Scan(&rows).Error; err != nil {
		w.T.Fatal(err)
	}
	var b strings.Builder
	for i, r := range rows {
		b.WriteString(r.Name)
		if r.Position != i+1 {
			b.WriteByte('?')
		}
	}
	return b.String()
}
