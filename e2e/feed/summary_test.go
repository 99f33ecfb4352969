package feed

import (
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	t.Run("shows the figures as they change", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(vars{"assignment": vars{"strategy": "USER", "userId": s.Users[model.Agent]}})
		all, again := s.WatchSummary(model.Partner, ""), s.WatchSummary(model.Manager, "")
		agents, managers := s.WatchSummary(model.Agent, "{mine: true}"), s.WatchSummary(model.Manager, "{mine: true}")
		for _, c := range []*setup.Socket{all, again, agents, managers} {
			if f := c.NextSummary(); f.Number("total") != 0 || f.Text("cursor") == "" {
				t.Errorf("at first: %v", f.V)
			}
		}
		_, first := s.Submit(nil)
		all.AwaitSummary(setup.Counts{"open": 1, "total": 1})
		agents.AwaitSummary(setup.Counts{"open": 1, "total": 1})
		s.ChangeStatus(first, model.InProgress)
		_, second := s.Submit(nil)
		s.ChangeStatus(second, model.Closed)
		last := all.AwaitSummary(setup.Counts{"open": 0, "inProgress": 1, "closed": 1, "total": 2})
		again.AwaitSummary(setup.Counts{"inProgress": 1, "closed": 1})
		if agents.AwaitSummary(setup.Counts{"total": 2, "closed": 1}).Missing("cursor") {
			t.Error("no cursor")
		}
		// The events after the summary's cursor are those that the summary lacks, or may have already: there is no gap.
		s.OK(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": first, "assigneeId": s.Users[model.Manager]}})
		managers.AwaitSummary(setup.Counts{"inProgress": 1, "total": 1})
		agents.AwaitSummary(setup.Counts{"inProgress": 0, "closed": 1, "total": 1})
		feed := s.Watch(model.Partner, `(after: "`+last.Text("cursor")+`")`, "type")
		for feed.Next().Text("type") != "ASSIGNED" { // Next fails if the event does not arrive
		}
		// A later subscriber gets the current summary at once.
		s.WatchSummary(model.Stakeholder, "").AwaitSummary(setup.Counts{"inProgress": 1, "closed": 1, "total": 2})
		if a := s.Do(model.Partner, `query {caseSummary(filter: {score: {gte: 0}}) {total}}`, nil); a.Code() == "" {
			t.Errorf("a filter that is none: %s", a.Body)
		}
		c := s.WatchSummary(model.Partner, `{status: [OPEN], openedAt: {withinLast: "soon"}}`)
		if m, err := c.Read(); err != nil || m.Type != "error" {
			t.Errorf("a filter that is none: %+v, %v", m, err)
		}
	})

	// The assignees can change while the total stays the same.
	t.Run("shows cases moving between groups", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(vars{"assignment": vars{"strategy": "USER", "userId": s.Users[model.Agent]}})
		_, opened := s.Submit(nil)
		c := s.SignIn(s.Tokens[model.Manager])
		c.Subscribe(`subscription {caseSummary {total groups(groupBy: ASSIGNEE) {key total}}}`)
		has := func(user model.Role) {
			t.Helper()
			for {
				f := c.NextSummary()
				if f.Number("total") != 1 || len(f.List("groups")) != 1 {
					t.Fatalf("the figures are %v", f.V)
				}
				if f.Text("groups.0.key") == s.Users[user] {
					return
				}
			}
		}
		has(model.Agent)
		for _, next := range []model.Role{model.Manager, model.Agent} {
			s.OK(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": opened, "assigneeId": s.Users[next]}})
			has(next)
		}
	})

	t.Run("counts only what the scope shows", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		s.AddUser("gb", vars{"role": "PARTNER", "scope": setup.British})
		s.AddUser("br", vars{"role": "PARTNER", "scope": vars{"customer": vars{"country": vars{"eq": "BR"}}}})
		s.AddUser("own", vars{"role": "AGENT", "scope": vars{"ownCasesOnly": true}})
		s.AddUser("veiled", vars{"role": "MANAGER", "personalData": false})
		boards := map[model.Role]*setup.Socket{}
		for _, who := range []model.Role{"gb", "br", "own", "veiled", model.Partner} {
			boards[who] = s.WatchSummary(who, "")
			boards[who].AwaitSummary(setup.Counts{"total": 0})
		}
		_, inside := s.Submit(vars{"customer": vars{"firstName": "Ana", "country": "GB"}})
		s.Submit(vars{"customer": vars{"firstName": "Bea", "country": "BR"}})
		s.Submit(vars{"customer": vars{"firstName": "Cleo", "country": "BR"}})
		boards[model.Partner].AwaitSummary(setup.Counts{"total": 3})
		boards["veiled"].AwaitSummary(setup.Counts{"total": 3})
		boards["gb"].AwaitSummary(setup.Counts{"total": 1})
		boards["br"].AwaitSummary(setup.Counts{"total": 2})
		s.OK(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": inside, "assigneeId": s.Users["own"]}})
		boards["own"].AwaitSummary(setup.Counts{"total": 1})
		// No subscriber gets a summary because of a case outside its scope: the next summary of each is about its own cases.
		s.ChangeStatus(inside, model.Closed)
		for who, total := range map[model.Role]int{"gb": 1, "own": 1, model.Partner: 3, "veiled": 3} {
			if f := boards[who].NextSummary(); f.Number("total") != total || f.Number("closed") != 1 {
				t.Errorf("%s is shown %v", who, f.V)
			}
		}
		if code := s.WatchSummary("veiled", `{customer: {email: {eq: "ana@example.com"}}}`).Refused(); code != s.Do("veiled", `{caseSummary(filter: {customer: {email: {eq: "ana@example.com"}}}) {total}}`, nil).Code() || code == "" {
			t.Errorf("who sees no personal data counts by it: %q", code)
		}
	})
}
