package rule_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	t.Run("makes the rule the last one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.rule(rule.CreateRuleInput{Name: "first"})
		bo := w.User("bo@care.example", model.Agent)
		target := model.Duration(48 * time.Hour)
		out, err := w.rules.Create(t.Context(), w.Admin, rule.CreateRuleInput{
			Name: " Detractors ", Enabled: true, Scores: []int{6, 0, 3, 6}, ContactRequested: new(true), OpensCase: true,
			Filter: filtered(t, `{"score": {"lte": 6}, "customer": {"country": {"in": ["BR", "DE"]}}}`), FollowUpTarget: &target,
			Assignment: &rule.AssignmentInput{Strategy: model.ToUser, UserID: &bo.ID, FallbackUserID: &w.Admin.User.ID},
			Notify: []*rule.RecipientInput{
				{Kind: model.RecipientUser, UserID: &bo.ID}, {Kind: model.RecipientAddress, Address: new("boss@care.example")}, {Kind: model.RecipientCentral},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for where, r := range map[string]*model.Rule{"answered": out.Rule, "stored": worktest.Read[model.Rule](w.T, w.DB, out.Rule.ID)} {
			if r.Name != "Detractors" || !r.Enabled || r.Position != 2 || !slices.Equal(r.Scores, []int{0, 3, 6}) || !*r.ContactRequested || !r.OpensCase ||
				r.Strategy != model.ToUser || *r.UserID != bo.ID || *r.FallbackUserID != w.Admin.User.ID || *r.FollowUpTarget != target ||
				!r.CreatedAt.Equal(worktest.Start) || !r.UpdatedAt.Equal(worktest.Start) || r.DeletedAt != nil {
				t.Errorf("%s: %+v", where, r)
			}
			var kept, given any
			if json.Unmarshal(r.Filter, &kept) != nil || json.Unmarshal([]byte(`{"score": {"lte": 6}, "customer": {"country": {"in": ["BR", "DE"]}}}`), &given) != nil ||
				!equal(t, kept, given) {
				t.Errorf("%s: the filter is %s", where, r.Filter)
			}
		}
		want := []string{"USER", "ADDRESS boss@care.example", "CENTRAL"}
		if got := w.recipients(out.Rule.ID); !slices.Equal(got, want) {
			t.Errorf("its recipients are %v", got)
		}
	})

	t.Run("sets defaults for a rule with only a name", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := worktest.Read[model.Rule](w.T, w.DB, w.rule(rule.CreateRuleInput{Name: "all"}).ID)
		if r.Enabled || r.OpensCase || len(r.Scores) > 0 || r.ContactRequested != nil || r.Filter != nil || r.Strategy != model.Unassigned || r.UserID != nil ||
			r.FallbackUserID != nil || r.FollowUpTarget != nil || r.Position != 1 {
			t.Errorf("%+v", r)
		}
	})

	t.Run("refuses bad input", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bo, nobody := w.User("bo@care.example", model.Agent).ID, model.UserID{UUID: model.NewUUID()}
		assigned := func(a rule.AssignmentInput) func(*rule.CreateRuleInput) {
			return func(in *rule.CreateRuleInput) { in.Assignment = &a }
		}
		alerts := func(second rule.RecipientInput) func(*rule.CreateRuleInput) {
			return func(in *rule.CreateRuleInput) {
				in.Notify = []*rule.RecipientInput{{Kind: model.RecipientCentral}, &second}
			}
		}
		filters := func(raw string) func(*rule.CreateRuleInput) {
			return func(in *rule.CreateRuleInput) { in.Filter = filtered(t, raw) }
		}
		for name, c := range map[string]struct {
			code     fault.Code
			argument string
			change   func(*rule.CreateRuleInput)
		}{
			"no name":                      {fault.CodeBadUserInput, "input.name", func(in *rule.CreateRuleInput) { in.Name = " " }},
			"a long name":                  {fault.CodeBadUserInput, "input.name", func(in *rule.CreateRuleInput) { in.Name = strings.Repeat("a", 201) }},
			"a score of 11":                {fault.CodeBadUserInput, "input.scores[1]", func(in *rule.CreateRuleInput) { in.Scores = []int{10, 11} }},
			"a score below 0":              {fault.CodeBadUserInput, "input.scores[0]", func(in *rule.CreateRuleInput) { in.Scores = []int{-1} }},
			"a target of zero":             {fault.CodeBadUserInput, "input.followUpTarget", func(in *rule.CreateRuleInput) { in.FollowUpTarget = new(model.Duration(0)) }},
			"an empty filter":              {fault.CodeBadUserInput, "input.filter", filters(`{}`)},
			"a filter with an empty":       {fault.CodeBadUserInput, "input.filter.customer", filters(`{"customer": {}}`)},
			"a filter with a null":         {fault.CodeBadUserInput, "input.filter.customer", filters(`{"score": {"eq": 1}, "customer": null}`)},
			"a filter of an empty or":      {fault.CodeBadUserInput, "input.filter.or", filters(`{"or": []}`)},
			"USER without one":             {fault.CodeBadUserInput, "input.assignment.userId", assigned(rule.AssignmentInput{Strategy: model.ToUser})},
			"a user without USER":          {fault.CodeBadUserInput, "input.assignment.userId", assigned(rule.AssignmentInput{Strategy: model.ToAgent, UserID: &bo})},
			"UNASSIGNED falls back":        {fault.CodeBadUserInput, "input.assignment.fallbackUserId", assigned(rule.AssignmentInput{Strategy: model.Unassigned, FallbackUserID: &bo})},
			"USER with an unknown user":    {fault.CodeNotFound, "input.assignment.userId", assigned(rule.AssignmentInput{Strategy: model.ToUser, UserID: &nobody})},
			"an unknown fallback":          {fault.CodeNotFound, "input.assignment.fallbackUserId", assigned(rule.AssignmentInput{Strategy: model.ToAgent, FallbackUserID: &nobody})},
			"ROUND_ROBIN without users":    {fault.CodeBadUserInput, "input.assignment.userIds", assigned(rule.AssignmentInput{Strategy: model.RoundRobin})},
			"users without a choice":       {fault.CodeBadUserInput, "input.assignment.userIds", assigned(rule.AssignmentInput{Strategy: model.ToAgent, UserIDs: []model.UserID{bo}})},
			"a user to choose twice":       {fault.CodeBadUserInput, "input.assignment.userIds[1]", assigned(rule.AssignmentInput{Strategy: model.LeastBusy, UserIDs: []model.UserID{bo, bo}})},
			"an unknown user to choose":    {fault.CodeNotFound, "input.assignment.userIds[1]", assigned(rule.AssignmentInput{Strategy: model.LeastBusy, UserIDs: []model.UserID{bo, nobody}})},
			"101 users to choose":          {fault.CodeBadUserInput, "input.assignment.userIds", assigned(rule.AssignmentInput{Strategy: model.RoundRobin, UserIDs: make([]model.UserID, 101)})},
			"ADDRESS without one":          {fault.CodeBadUserInput, "input.notify[1].address", alerts(rule.RecipientInput{Kind: model.RecipientAddress})},
			"an address without ADDRESS":   {fault.CodeBadUserInput, "input.notify[1].address", alerts(rule.RecipientInput{Kind: model.RecipientAgent, Address: new("a@b.example")})},
			"USER to tell without one":     {fault.CodeBadUserInput, "input.notify[1].userId", alerts(rule.RecipientInput{Kind: model.RecipientUser})},
			"a user without the kind USER": {fault.CodeBadUserInput, "input.notify[1].userId", alerts(rule.RecipientInput{Kind: model.RecipientCentral, UserID: &bo})},
			"an unknown user to alert":     {fault.CodeNotFound, "input.notify[1].userId", alerts(rule.RecipientInput{Kind: model.RecipientUser, UserID: &nobody})},
			"101 recipients": {fault.CodeBadUserInput, "input.notify", func(in *rule.CreateRuleInput) {
				in.Notify = slices.Repeat([]*rule.RecipientInput{{Kind: model.RecipientCentral}}, 101)
			}},
		} {
			in := rule.CreateRuleInput{Name: "all", Enabled: true, OpensCase: true}
			c.change(&in)
			out, err := w.rules.Create(t.Context(), w.Admin, in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: answered %+v", name, out.Rule)
			}
		}
		if n := w.Count("SELECT count(*) FROM rules"); n != 0 {
			t.Errorf("%d rules", n)
		}
	})

	t.Run("names the path of the error in a filter", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.rules.Create(t.Context(), w.Admin, rule.CreateRuleInput{Name: "a", Filter: filtered(t, `{"and": [{"score": {"eq": 1}}, {"customer": {"country": null}}]}`)})
		var f *fault.Error
		if !errors.As(err, &f) || f.Argument != "input.filter.and[1].customer.country" {
			t.Errorf("%+v", err)
		}
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	t.Run("keeps an absent field and clears a null", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bo := w.User("bo@care.example", model.Agent)
		target := model.Duration(time.Hour)
		id := w.rule(rule.CreateRuleInput{
			Name: "all", Enabled: true, Scores: []int{1, 2}, ContactRequested: new(false), Filter: filtered(t, `{"category":["DETRACTOR"]}`), OpensCase: true,
			Assignment: &rule.AssignmentInput{Strategy: model.ToUser, UserID: &bo.ID, FallbackUserID: &bo.ID}, FollowUpTarget: &target,
			Notify: []*rule.RecipientInput{{Kind: model.RecipientCentral}, {Kind: model.RecipientAgent}},
		}).ID
		update := func(in rule.UpdateRuleInput) *model.Rule {
			t.Helper()
			w.Time = w.Time.Add(time.Minute)
			in.RuleID = id
			out, err := w.rules.Update(t.Context(), w.Admin, in)
			if err != nil {
				t.Fatal(err)
			}
			r := worktest.Read[model.Rule](w.T, w.DB, id)
			if !r.UpdatedAt.Equal(w.Time) || !r.CreatedAt.Equal(worktest.Start) || r.Position != 1 {
				t.Errorf("%+v", r)
			}
			if answered := *out.Rule; !equal(t, answered.Scores, r.Scores) || answered.Name != r.Name || answered.Strategy != r.Strategy {
				t.Errorf("answered %+v, stored %+v", answered, r)
			}
			return r
		}
		r := update(rule.UpdateRuleInput{})
		if r.Name != "all" || !r.Enabled || !slices.Equal(r.Scores, []int{1, 2}) || *r.ContactRequested || r.Filter == nil || !r.OpensCase || r.Strategy != model.ToUser ||
			*r.UserID != bo.ID || *r.FallbackUserID != bo.ID || *r.FollowUpTarget != target || !slices.Equal(w.recipients(id), []string{"CENTRAL", "AGENT"}) {
			t.Errorf("nothing given: %+v, recipients %v", r, w.recipients(id))
		}
		r = update(rule.UpdateRuleInput{Name: worktest.Given("some"), Enabled: worktest.Given(false), OpensCase: worktest.Given(false), Scores: graphql.OmittableOf([]int{9, 9}), ContactRequested: worktest.Given(true)})
		if r.Name != "some" || r.Enabled || r.OpensCase || !slices.Equal(r.Scores, []int{9}) || !*r.ContactRequested || r.Filter == nil || r.Strategy != model.ToUser {
			t.Errorf("some given: %+v", r)
		}
		r = update(rule.UpdateRuleInput{
			Scores: graphql.OmittableOf[[]int](nil), ContactRequested: worktest.Null[bool](), Filter: worktest.Null[filter.Response](), Assignment: worktest.Null[rule.AssignmentInput](),
			FollowUpTarget: worktest.Null[model.Duration](), Notify: graphql.OmittableOf[[]*rule.RecipientInput](nil),
		})
		if len(r.Scores) > 0 || r.ContactRequested != nil || r.Filter != nil || r.Strategy != model.Unassigned || r.UserID != nil || r.FallbackUserID != nil ||
			r.FollowUpTarget != nil || len(w.recipients(id)) > 0 || r.Name != "some" {
			t.Errorf("null given: %+v, recipients %v", r, w.recipients(id))
		}
		r = update(rule.UpdateRuleInput{
			Assignment: worktest.Given(rule.AssignmentInput{Strategy: model.LeastBusy, UserIDs: []model.UserID{bo.ID, w.Admin.User.ID}}),
			Notify:     graphql.OmittableOf([]*rule.RecipientInput{{Kind: model.RecipientAssignee}}),
		})
		if n := w.Count("SELECT count(*) FROM rule_assignees WHERE rule_id = $1", id.UUID); r.Strategy != model.LeastBusy || n != 2 || !slices.Equal(w.recipients(id), []string{"ASSIGNEE"}) {
			t.Errorf("%s of %d, recipients %v", r.Strategy, n, w.recipients(id))
		}
		update(rule.UpdateRuleInput{Name: worktest.Given("others")})
		if n := w.Count("SELECT count(*) FROM rule_assignees WHERE rule_id = $1", id.UUID); n != 2 {
			t.Errorf("an update of the name changed the users: %d", n)
		}
	})

	t.Run("refuses bad input and changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.rule(rule.CreateRuleInput{Name: "all", Enabled: true, Notify: []*rule.RecipientInput{{Kind: model.RecipientCentral}}}).ID
		deleted := w.rule(rule.CreateRuleInput{Name: "gone"}).ID
		if _, err := w.rules.Delete(t.Context(), w.Admin, rule.DeleteRuleInput{RuleID: deleted}); err != nil {
			t.Fatal(err)
		}
		nobody := model.UserID{UUID: model.NewUUID()}
		for name, c := range map[string]struct {
			code     fault.Code
			argument string
			in       rule.UpdateRuleInput
		}{
			"no such rule":         {fault.CodeNotFound, "input.ruleId", rule.UpdateRuleInput{RuleID: model.RuleID{UUID: model.NewUUID()}}},
			"a deleted rule":       {fault.CodeNotFound, "input.ruleId", rule.UpdateRuleInput{RuleID: deleted, Name: worktest.Given("back")}},
			"no name":              {fault.CodeBadUserInput, "input.name", rule.UpdateRuleInput{RuleID: id, Name: worktest.Null[string]()}},
			"a blank name":         {fault.CodeBadUserInput, "input.name", rule.UpdateRuleInput{RuleID: id, Name: worktest.Given("")}},
			"null for enabled":     {fault.CodeBadUserInput, "input.enabled", rule.UpdateRuleInput{RuleID: id, Enabled: worktest.Null[bool]()}},
			"null for opensCase":   {fault.CodeBadUserInput, "input.opensCase", rule.UpdateRuleInput{RuleID: id, OpensCase: worktest.Null[bool]()}},
			"a score of 11":        {fault.CodeBadUserInput, "input.scores[0]", rule.UpdateRuleInput{RuleID: id, Scores: graphql.OmittableOf([]int{11})}},
			"an empty filter":      {fault.CodeBadUserInput, "input.filter", rule.UpdateRuleInput{RuleID: id, Filter: graphql.OmittableOf(filtered(t, `{}`))}},
			"a target below 0":     {fault.CodeBadUserInput, "input.followUpTarget", rule.UpdateRuleInput{RuleID: id, FollowUpTarget: worktest.Given(model.Duration(-1))}},
			"an unknown fallback":  {fault.CodeNotFound, "input.assignment.fallbackUserId", rule.UpdateRuleInput{RuleID: id, Assignment: worktest.Given(rule.AssignmentInput{Strategy: model.ToAgent, FallbackUserID: &nobody})}},
			"an unknown recipient": {fault.CodeNotFound, "input.notify[0].userId", rule.UpdateRuleInput{RuleID: id, Notify: graphql.OmittableOf([]*rule.RecipientInput{{Kind: model.RecipientUser, UserID: &nobody}})}},
			"ADDRESS without one":  {fault.CodeBadUserInput, "input.notify[0].address", rule.UpdateRuleInput{RuleID: id, Notify: graphql.OmittableOf([]*rule.RecipientInput{{Kind: model.RecipientAddress}})}},
		} {
			out, err := w.rules.Update(t.Context(), w.Admin, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: answered %+v", name, out.Rule)
			}
		}
		if r := worktest.Read[model.Rule](w.T, w.DB, id); r.Name != "all" || !r.Enabled || !slices.Equal(w.recipients(id), []string{"CENTRAL"}) {
			t.Errorf("%+v", r)
		}
	})
}

// filtered parses a filter as the API does.
func filtered(t *testing.T, raw string) *filter.Response {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	f := new(filter.Response)
	if err := f.UnmarshalGQL(v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return f
}

// recipients returns the rule's recipients, in order.
func (w *world) recipients(id model.RuleID) (list []string) {
	w.T.Helper()
	err := w.DB.Gorm.Raw("SELECT concat_ws(' ', kind, address) FROM rule_recipients WHERE rule_id = ? ORDER BY ordinal", id).Scan(&list).Error
	if err != nil {
		w.T.Fatal(err)
	}
	return list
}

func equal(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}
