package intake

import (
	"maps"
	"slices"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestImport(t *testing.T) {
	t.Parallel()
	t.Run("opens a case for each detractor, and every subscriber sees each", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		begin := s.Cursor()
		whole, cut := s.Watch(model.Partner, `(after: "`+begin+`", types: [OPENED])`, setup.CaseOfEvent), s.Watch(model.Agent, `(after: "`+begin+`", types: [OPENED])`, setup.CaseOfEvent)
		type seen struct {
			cases []string
			err   error
		}
		all := make(chan seen, 1)
		go func() {
			cases, _, err := whole.Collect(761) // one case for each detractor
			all <- seen{cases, err}
		}()

		first := s.ImportReviews()
		before, last, err := cut.Collect(400)
		cut.Cut()
		if err != nil {
			t.Fatal(err)
		}
		after, _, err := s.Watch(model.Agent, `(after: "`+last+`", types: [OPENED])`, setup.CaseOfEvent).Collect(361)
		resumed := seen{append(before, after...), err}
		if code := first.Exit(); code != 2 {
			t.Fatalf("exit code %d", code)
		}
		first.Await("1,300 responses created, 0 known already, 761 cases opened, 2 rows rejected")
		// 1,273 customers differ by name, country and airline: who flew with two airlines is a customer of each. Each of the eight
		// responses without a name is one more.
		want := map[string]int{"all": 1300, "customers": 1281, "cases": 761, "detractors": 761, "passives": 308, "promoters": 231}
		if have := s.Totals(); !maps.Equal(have, want) {
			t.Errorf("the figures are %v, not %v", have, want)
		}
		if second := s.ImportReviews(); second.Exit() != 2 {
			t.Error("a second run fails")
		} else {
			second.Await("0 responses created, 1,300 known already, 0 cases opened, 2 rows rejected")
		}
		if have := s.Totals(); !maps.Equal(have, want) {
			t.Errorf("after a second run the figures are %v, not %v", have, want)
		}

		var logged []string
		for _, e := range s.Events() {
			if e.Text("type") == "OPENED" {
				logged = append(logged, e.Text("snapshot.caseId"))
			}
		}
		for who, got := range map[string]seen{"who stayed": <-all, "who was cut off": resumed} {
			if got.err != nil || !slices.Equal(got.cases, logged) {
				t.Errorf("the subscriber %s saw %d of %d cases, or in another order (%v)", who, len(got.cases), len(logged), got.err)
			}
		}
	})

	t.Run("spreads the cases over a team and alerts each address once", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		if a := s.Do(model.Manager, `mutation ($input: CreateRuleInput!) {createRule(input: $input) {rule {id}}}`,
			vars{"input": vars{"name": "Seats", "filter": vars{"search": "seat"}}}); a.Code() != "BAD_USER_INPUT" {
			t.Errorf("a rule that searches: %s", a.Body)
		}
		team := []string{addAgent(s, "ana"), addAgent(s, "bo"), addAgent(s, "cem")}
		s.AddRule(vars{"assignment": vars{"strategy": "LEAST_BUSY", "userIds": team}})
		countries := vars{"customer": vars{"country": vars{"in": []string{"BR", "de"}}}}
		s.AddRule(vars{"name": "Brazil and Germany", "scores": []int{}, "filter": countries, "opensCase": false,
			"notify": []vars{{"kind": "ADDRESS", "address": "one@example.com"}, {"kind": "ADDRESS", "address": "two@example.com"}}})
		germany := s.AddRule(vars{"name": "Germany again", "scores": []int{}, "filter": vars{"customer": vars{"country": vars{"eq": "DE"}}}, "opensCase": false,
			"notify": []vars{{"kind": "ADDRESS", "address": "ONE@example.com"}}})
		if code := s.ImportReviews().Exit(); code != 2 {
			t.Fatalf("exit code %d", code)
		}

		var spread []int
		for _, id := range team {
			spread = append(spread, s.OK(model.Agent, `query ($f: CaseFilter) {cases(filter: $f) {totalCount}}`, vars{"f": vars{"assignee": []string{id}}}).Number("cases.totalCount"))
		}
		slices.Sort(spread)
		if all := s.Totals()["cases"]; all != 761 || !slices.Equal(spread, []int{253, 254, 254}) {
			t.Errorf("%d cases, spread %v", all, spread)
		}

		matched := s.OK(model.Agent, `query ($f: ResponseFilter) {responses(filter: $f) {totalCount}}`, vars{"f": countries}).Number("responses.totalCount")
		rules := s.OK(model.Manager, `{rules {id matchCount}}`, nil).List("rules")
		// 68 responses are from Brazil, 56 from Germany.
		if matched != 124 || rules[1].Number("matchCount") != 124 || rules[2].Text("id") != germany || rules[2].Number("matchCount") != 56 {
			t.Errorf("%d responses are from there; the rules matched %v", matched, rules)
		}
		// The reviews are of years ago, so that one mail tells each of all.
		var digests []struct {
			To             string
			Assigned, Told int
		}
		err := s.App.DB.Gorm.Raw(`SELECT d.to_fold AS "to", d.assigned, d.told FROM import_digests d JOIN notifications n ON n.import_id = d.import_id AND n.to_fold = d.to_fold
			WHERE n.kind = 'OLD_RESPONSES' ORDER BY d.assigned, d.to_fold`).Scan(&digests).Error
		if err != nil || len(digests) != 5 || s.Count("notifications") != 5 {
			t.Fatalf("%d mails, of old responses %v; %v", s.Count("notifications"), digests, err)
		}
		for i, d := range digests[:2] {
			if d.To != []string{"one@example.com", "two@example.com"}[i] || d.Told != 124 {
				t.Errorf("a mail tells %s of %d responses, want 124", d.To, d.Told)
			}
		}
		for i, d := range digests[2:] {
			if d.Assigned != spread[i] || d.Told != 0 {
				t.Errorf("a mail tells %s of %d cases, want %d", d.To, d.Assigned, spread[i])
			}
		}
	})

	t.Run("opens cases for the country of the rule alone", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(vars{"scores": []int{}, "filter": vars{"customer": vars{"country": vars{"eq": "BR"}}}})
		if code := s.ImportReviews().Exit(); code != 2 {
			t.Fatalf("exit code %d", code)
		}
		a := s.OK(model.Manager, `{cases {totalCount nodes {customer {country}}} responses(filter: {customer: {country: {eq: "br"}}}) {totalCount} rules {matchCount}}`, nil)
		if a.Number("cases.totalCount") != 68 || a.Number("responses.totalCount") != 68 || a.Number("rules.0.matchCount") != 68 {
			t.Errorf("%d cases of %d responses, not 68", a.Number("cases.totalCount"), a.Number("responses.totalCount"))
		}
		for _, c := range a.List("cases.nodes") {
			if c.Text("customer.country") != "BR" {
				t.Errorf("a case from elsewhere: %v", c.V)
			}
		}
	})
}

// addAgent makes an agent, and returns the id.
func addAgent(s *setup.Server, name string) string {
	s.T.Helper()
	return s.OK(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`,
		vars{"input": vars{"name": name, "email": name + "@example.com", "role": "AGENT"}}).Text("createUser.user.id")
}
