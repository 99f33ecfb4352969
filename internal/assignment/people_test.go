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
		inactive, stakeholder := user("inactive@example.com", model.Agent), user("stakeholder@example.com", model.Stakeholder)
		inactive.Active = false
		people := assignment.NewPeople([]*model.User{ana, bo, cy, inactive, stakeholder}, nil)
		unknown := model.UserID{UUID: model.NewUUID()}
		c := &model.Customer{AccountManagerEmail: new("BO@example.com"), AgentEmail: new("Cy@Example.com")}
		withoutUsers := &model.Customer{AccountManagerEmail: new("who@example.com"), AgentEmail: new("inactive@example.com")}

		for name, one := range map[string]struct {
			strategy     model.AssignmentStrategy
			to, fallback *model.UserID
			of           *model.Customer
			want         *model.User
		}{
			"unassigned":                              {model.Unassigned, nil, nil, c, nil},
			"a user":                                  {model.ToUser, &ana.ID, nil, c, ana},
			"a user, not the fallback":                {model.ToUser, &ana.ID, &bo.ID, c, ana},
			"an inactive user":                        {model.ToUser, &inactive.ID, nil, c, nil},
			"an inactive user with a fallback":        {model.ToUser, &inactive.ID, &bo.ID, c, bo},
			"a user who cannot be assigned":           {model.ToUser, &stakeholder.ID, &bo.ID, c, bo},
			"an unknown user":                         {model.ToUser, &unknown, &bo.ID, c, bo},
			"an inactive fallback":                    {model.ToUser, &inactive.ID, &inactive.ID, c, nil},
			"a fallback who cannot be assigned":       {model.ToUser, &inactive.ID, &stakeholder.ID, c, nil},
			"the account manager":                     {model.ToAccountManager, nil, &ana.ID, c, bo},
			"an account manager who is no user":       {model.ToAccountManager, nil, &ana.ID, withoutUsers, ana},
			"no account manager":                      {model.ToAccountManager, nil, &ana.ID, &model.Customer{}, ana},
			"no account manager and no fallback":      {model.ToAccountManager, nil, nil, &model.Customer{}, nil},
			"the agent":                               {model.ToAgent, nil, &ana.ID, c, cy},
			"an agent who is not active":              {model.ToAgent, nil, &ana.ID, withoutUsers, ana},
			"an agent who is not active, no fallback": {model.ToAgent, nil, nil, withoutUsers, nil},
			"no agent":                                {model.ToAgent, nil, &ana.ID, &model.Customer{}, ana},
		} {
			opens := &model.Rule{OpensCase: true, Strategy: one.strategy, UserID: one.to, FallbackUserID: one.fallback}
			d := rule.Decision{Matched: []*model.Rule{opens}, Opens: opens}
			if got := people.Assignee(d, one.of); got != one.want {
				t.Errorf("%s: the assignee is %+v, want %+v", name, got, one.want)
			}
		}
	})

	t.Run("reads only the users that the decision may need", func(t *testing.T) {
		t.Parallel()
		to, fallback, recipient := model.UserID{UUID: model.NewUUID()}, model.UserID{UUID: model.NewUUID()}, model.UserID{UUID: model.NewUUID()}
		c := &model.Customer{AccountManagerEmail: new("Bo@Example.com"), AgentEmail: new("Cy@Example.com")}
		byUser := &model.Rule{Strategy: model.ToUser, UserID: &to, FallbackUserID: &fallback}
		alerts := &model.Rule{Strategy: model.ToUser, UserID: new(model.UserID{UUID: model.NewUUID()}), Recipients: []model.Recipient{
			{Kind: model.RecipientUser, UserID: &recipient}, {Kind: model.RecipientAddress, Address: new("x@example.com")},
		}}

		ids, emails := assignment.UserRefs(rule.Decision{Matched: []*model.Rule{alerts, byUser}, Opens: byUser}, c)
		if !slices.Equal(ids, []model.UserID{to, fallback, recipient}) || len(emails) > 0 {
			t.Errorf("by a user: the ids are %v, the addresses %v", ids, emails)
		}
		byManager := &model.Rule{Strategy: model.ToAccountManager, FallbackUserID: &fallback}
		ids, emails = assignment.UserRefs(rule.Decision{Matched: []*model.Rule{byManager}, Opens: byManager}, c)
		if !slices.Equal(ids, []model.UserID{fallback}) || !slices.Equal(emails, []string{"bo@example.com"}) {
			t.Errorf("by the account manager: the ids are %v, the addresses %v", ids, emails)
		}
		byAgent := &model.Rule{Strategy: model.ToAgent}
		ids, emails = assignment.UserRefs(rule.Decision{Matched: []*model.Rule{byAgent}, Opens: byAgent}, c)
		if len(ids) > 0 || !slices.Equal(emails, []string{"cy@example.com"}) {
			t.Errorf("by the agent: the ids are %v, the addresses %v", ids, emails)
		}
		if ids, emails = assignment.UserRefs(rule.Decision{Matched: []*model.Rule{byAgent}}, c); len(ids)+len(emails) > 0 {
			t.Errorf("with no case to open: the ids are %v, the addresses %v", ids, emails)
		}
	})

	t.Run("returns each address of all matching rules once", func(t *testing.T) {
		t.Parallel()
		ana, inactive := user("Ana@Example.com", model.Agent), user("inactive@example.com", model.Agent)
		inactive.Active = false
		people := assignment.NewPeople([]*model.User{ana, inactive}, []string{"central@example.com", "BOSS@example.com"})
		c := &model.Customer{Email: new("kim@example.com"), AccountManagerEmail: new("am@example.com"), AgentEmail: new("agent@example.com")}
		first := &model.Rule{ID: model.RuleID{UUID: model.NewUUID()}, Recipients: []model.Recipient{
			{Kind: model.RecipientAddress, Address: new("boss@example.com")},
			{Kind: model.RecipientUser, UserID: &ana.ID},
			{Kind: model.RecipientUser, UserID: &inactive.ID},
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
			t.Errorf("the alerts are %v, want %v", got, want)
		}
	})

	t.Run("never returns the customer's own address", func(t *testing.T) {
		t.Parallel()
		kim := user("Kim@Example.com", model.Agent)
		people := assignment.NewPeople([]*model.User{kim}, []string{"KIM@EXAMPLE.COM"})
		c := &model.Customer{Email: new("kim@example.com"), AccountManagerEmail: new("kim@Example.com"), AgentEmail: new("KIM@example.com")}
		d := rule.Decision{Matched: []*model.Rule{{Recipients: []model.Recipient{
			{Kind: model.RecipientAddress, Address: new("kIm@example.com")}, {Kind: model.RecipientUser, UserID: &kim.ID},
			{Kind: model.RecipientCentral}, {Kind: model.RecipientAssignee}, {Kind: model.RecipientAccountManager}, {Kind: model.RecipientAgent},
		}}}}
		if got := people.Alerts(d, c, kim); len(got) > 0 {
			t.Errorf("the alerts are %v, want none", got)
		}
	})

	t.Run("returns no address where the data have none", func(t *testing.T) {
		t.Parallel()
		unknown := model.UserID{UUID: model.NewUUID()}
		d := rule.Decision{Matched: []*model.Rule{{Recipients: []model.Recipient{
			{Kind: model.RecipientUser, UserID: &unknown}, {Kind: model.RecipientCentral}, {Kind: model.RecipientAssignee},
			{Kind: model.RecipientAccountManager}, {Kind: model.RecipientAgent},
		}}}}
		if got := assignment.NewPeople(nil, nil).Alerts(d, &model.Customer{}, nil); len(got) > 0 {
			t.Errorf("the alerts are %v, want none", got)
		}
	})

	t.Run("does not choose the current assignee at a step but reads that user", func(t *testing.T) {
		t.Parallel()
		ana, bo := user("ana@example.com", model.Agent), user("bo@example.com", model.Agent)
		people := assignment.NewPeople([]*model.User{ana, bo}, nil)
		team := []model.UserID{ana.ID, bo.ID}
		s := &model.CaseEscalation{Step: 2, Reassign: &model.Assignment{Strategy: model.LeastBusy, UserIDs: team}}
		for has, want := range map[*model.UserID]*model.User{&ana.ID: bo, &bo.ID: ana, nil: ana} {
			d := rule.Step(s, has)
			if got := people.Assignee(d, &model.Customer{}); got != want || d.Step != 2 {
				t.Errorf("the assignee is %+v, want %+v", got, want)
			}
			if ids, _ := assignment.UserRefs(d, &model.Customer{}); len(ids) != 2 {
				t.Errorf("got %d user ids, want 2", len(ids))
			}
		}
		if !slices.Equal(s.Reassign.UserIDs, team) {
			t.Error("the step itself was changed")
		}
		if d := rule.Step(&model.CaseEscalation{Step: 1}, &ana.ID); d.Opens != nil {
			t.Errorf("a step without a reassignment has the assignment %+v", d.Opens)
		}
	})
}

func user(email string, role model.Role) *model.User {
	u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: email, Email: email, Role: role, Active: true}
	u.Fold()
	return u
}
