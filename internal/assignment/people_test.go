package assignment_test

import (
	"slices"
	"testing"

	"github.com/closeloop/closeloop/internal/assignment"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

func TestPeople(t *testing.T) {
	t.Parallel()
	t.Run("finds the assignee by the strategy, else the fallback", func(t *testing.T) {
		t.Parallel()
		ana, bo, cy := user("ana@example.com", model.Agent), user("bo@example.com", model.Manager), user("cy@example.com", model.Admin)
		gone, looker := user("gone@example.com", model.Agent), user("looker@example.com", model.Stakeholder)
		gone.Active = false
		people := assignment.NewPeople([]*model.User{ana, bo, cy, gone, looker}, nil)
		nobody := model.UserID{UUID: model.NewUUID()}
		c := &model.Customer{AccountManagerEmail: new("BO@example.com"), AgentEmail: new("Cy@Example.com")}
		strange := &model.Customer{AccountManagerEmail: new("who@example.com"), AgentEmail: new("gone@example.com")}

		for name, one := range map[string]struct {
			strategy     model.AssignmentStrategy
			to, fallback *model.UserID
			of           *model.Customer
			want         *model.User
		}{
			"unassigned":                              {model.Unassigned, nil, nil, c, nil},
			"a user":                                  {model.ToUser, &ana.ID, nil, c, ana},
			"a user, not the fallback":                {model.ToUser, &ana.ID, &bo.ID, c, ana},
			"an inactive user":                        {model.ToUser, &gone.ID, nil, c, nil},
			"an inactive user with a fallback":        {model.ToUser, &gone.ID, &bo.ID, c, bo},
			"a user who works no cases":               {model.ToUser, &looker.ID, &bo.ID, c, bo},
			"a user who is not there":                 {model.ToUser, &nobody, &bo.ID, c, bo},
			"an inactive fallback":                    {model.ToUser, &gone.ID, &gone.ID, c, nil},
			"a fallback who works no cases":           {model.ToUser, &gone.ID, &looker.ID, c, nil},
			"the account manager":                     {model.ToAccountManager, nil, &ana.ID, c, bo},
			"an account manager who is no user":       {model.ToAccountManager, nil, &ana.ID, strange, ana},
			"no account manager":                      {model.ToAccountManager, nil, &ana.ID, &model.Customer{}, ana},
			"no account manager and no fallback":      {model.ToAccountManager, nil, nil, &model.Customer{}, nil},
			"the agent":                               {model.ToAgent, nil, &ana.ID, c, cy},
			"an agent who is not active":              {model.ToAgent, nil, &ana.ID, strange, ana},
			"an agent who is not active, no fallback": {model.ToAgent, nil, nil, strange, nil},
			"no agent":                                {model.ToAgent, nil, &ana.ID, &model.Customer{}, ana},
		} {
			opens := &model.Rule{OpensCase: true, Strategy: one.strategy, UserID: one.to, FallbackUserID: one.fallback}
			d := rule.Decision{Matched: []*model.Rule{opens}, Opens: opens}
			if got := people.Assignee(d, one.of); got != one.want {
				t.Errorf("%s: %+v gets the case", name, got)
			}
		}
	})

	t.Run("reads only users who may be needed", func(t *testing.T) {
		t.Parallel()
		to, fallback, told := model.UserID{UUID: model.NewUUID()}, model.UserID{UUID: model.NewUUID()}, model.UserID{UUID: model.NewUUID()}
		c := &model.Customer{AccountManagerEmail: new("Bo@Example.com"), AgentEmail: new("Cy@Example.com")}
		byUser := &model.Rule{Strategy: model.ToUser, UserID: &to, FallbackUserID: &fallback}
		tells := &model.Rule{Strategy: model.ToUser, UserID: new(model.UserID{UUID: model.NewUUID()}), Recipients: []model.Recipient{
			{Kind: model.RecipientUser, UserID: &told}, {Kind: model.RecipientAddress, Address: new("x@example.com")},
		}}

		ids, emails := assignment.UserRefs(rule.Decision{Matched: []*model.Rule{tells, byUser}, Opens: byUser}, c)
		if !slices.Equal(ids, []model.UserID{to, fallback, told}) || len(emails) > 0 {
			t.Errorf("by a user: %v %v", ids, emails)
		}
		byManager := &model.Rule{Strategy: model.ToAccountManager, FallbackUserID: &fallback}
		ids, emails = assignment.UserRefs(rule.Decision{Matched: []*model.Rule{byManager}, Opens: byManager}, c)
		if !slices.Equal(ids, []model.UserID{fallback}) || !slices.Equal(emails, []string{"bo@example.com"}) {
			t.Errorf("by the account manager: %v %v", ids, emails)
		}
		byAgent := &model.Rule{Strategy: model.ToAgent}
		ids, emails = assignment.UserRefs(rule.Decision{Matched: []*model.Rule{byAgent}, Opens: byAgent}, c)
		if len(ids) > 0 || !slices.Equal(emails, []string{"cy@example.com"}) {
			t.Errorf("by the agent: %v %v", ids, emails)
		}
		if ids, emails = assignment.UserRefs(rule.Decision{Matched: []*model.Rule{byAgent}}, c); len(ids)+len(emails) > 0 {
			t.Errorf("with no case to open: %v %v", ids, emails)
		}
	})

	t.Run("gives each address of all matching rules once", func(t *testing.T) {
		t.Parallel()
		ana, gone := user("Ana@Example.com", model.Agent), user("gone@example.com", model.Agent)
		gone.Active = false
		people := assignment.NewPeople([]*model.User{ana, gone}, []string{"central@example.com", "BOSS@example.com"})
		c := &model.Customer{Email: new("kim@example.com"), AccountManagerEmail: new("am@example.com"), AgentEmail: new("agent@example.com")}
		first := &model.Rule{ID: model.RuleID{UUID: model.NewUUID()}, Recipients: []model.Recipient{
			{Kind: model.RecipientAddress, Address: new("boss@example.com")},
			{Kind: model.RecipientUser, UserID: &ana.ID},
			{Kind: model.RecipientUser, UserID: &gone.ID},
			{Kind: model.RecipientAgent},
		}}
		second := &model.Rule{ID: model.RuleID{UUID: model.NewUUID()}, Recipients: []model.Recipient{
			{Kind: model.RecipientCentral},
			{Kind: model.RecipientAssignee},
			{Kind: model.RecipientAccountManager},
			{Kind: model.RecipientAddress, Address: new("ANA@example.com")},
			{Kind: model.RecipientAddress, Address: new("KIM@Example.com")},
		}}
		d := rule.Decision{Matched: []*model.Rule{first, second}}
		want := []assignment.Alert{
			{To: "boss@example.com", Rule: first.ID}, {To: "Ana@Example.com", Rule: first.ID}, {To: "agent@example.com", Rule: first.ID},
			{To: "central@example.com", Rule: second.ID}, {To: "am@example.com", Rule: second.ID},
		}
		if got := people.Alerts(d, c, ana); !slices.Equal(got, want) {
			t.Errorf("told %v", got)
		}
	})

	t.Run("never gives the customer's own address", func(t *testing.T) {
		t.Parallel()
		kim := user("Kim@Example.com", model.Agent)
		people := assignment.NewPeople([]*model.User{kim}, []string{"KIM@EXAMPLE.COM"})
		c := &model.Customer{Email: new("kim@example.com"), AccountManagerEmail: new("kim@Example.com"), AgentEmail: new("KIM@example.com")}
		d := rule.Decision{Matched: []*model.Rule{{Recipients: []model.Recipient{
			{Kind: model.RecipientAddress, Address: new("kIm@example.com")}, {Kind: model.RecipientUser, UserID: &kim.ID},
			{Kind: model.RecipientCentral}, {Kind: model.RecipientAssignee}, {Kind: model.RecipientAccountManager}, {Kind: model.RecipientAgent},
		}}}}
		if got := people.Alerts(d, c, kim); len(got) > 0 {
			t.Errorf("told %v", got)
		}
	})

	t.Run("gives no address where the data lack one", func(t *testing.T) {
		t.Parallel()
		unknown := model.UserID{UUID: model.NewUUID()}
		d := rule.Decision{Matched: []*model.Rule{{Recipients: []model.Recipient{
			{Kind: model.RecipientUser, UserID: &unknown}, {Kind: model.RecipientCentral}, {Kind: model.RecipientAssignee},
			{Kind: model.RecipientAccountManager}, {Kind: model.RecipientAgent},
		}}}}
		if got := assignment.NewPeople(nil, nil).Alerts(d, &model.Customer{}, nil); len(got) > 0 {
			t.Errorf("told %v", got)
		}
	})

	t.Run("skips the present assignee at a step but reads them", func(t *testing.T) {
		t.Parallel()
		ana, bo := user("ana@example.com", model.Agent), user("bo@example.com", model.Agent)
		people := assignment.NewPeople([]*model.User{ana, bo}, nil)
		team := []model.UserID{ana.ID, bo.ID}
		s := &model.CaseEscalation{Step: 2, Reassign: &model.Assignment{Strategy: model.LeastBusy, UserIDs: team}}
		for has, want := range map[*model.UserID]*model.User{&ana.ID: bo, &bo.ID: ana, nil: ana} {
			d := rule.Step(s, has)
			if got := people.Assignee(d, &model.Customer{}); got != want || d.Step != 2 {
				t.Errorf("%+v gets it", got)
			}
			if ids, _ := assignment.UserRefs(d, &model.Customer{}); len(ids) != 2 {
				t.Errorf("%d are looked up", len(ids))
			}
		}
		if !slices.Equal(s.Reassign.UserIDs, team) {
			t.Error("the step itself was changed")
		}
		if d := rule.Step(&model.CaseEscalation{Step: 1}, &ana.ID); d.Opens != nil {
			t.Errorf("a step that only tells reassigns: %+v", d.Opens)
		}
	})
}

func user(email string, role model.Role) *model.User {
	u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: email, Email: email, Role: role, Active: true}
	u.Fold()
	return u
}
