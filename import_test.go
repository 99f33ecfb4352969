package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// reviews are 1,300 made-up responses, and two rows that cannot be read. internal/importer/testdata/count.py, which
// shares no code with the program, counts the figures that tests assert about them.
const reviews = "internal/importer/testdata/reviews.csv"

// importReviews runs `closeloop import` on them as a process of its own.
func (s *testServer) importReviews() *program {
	s.t.Helper()
	return start(s.t, []string{"DATABASE_URL=" + pgtest.URL(s.t, s.app.DB)}, "import", reviews,
		"--score", "overall_rating", "--responded-at", "date", "--comment", "content", "--full-name", "author",
		"--country", "author_country", "--company", "airline_name", "--segment", "cabin_flown", "--survey", "seats")
}

// figures count what there is, by the API.
func (s *testServer) figures() map[string]int {
	s.t.Helper()
	a := s.ok(model.Manager, `{all: responses {totalCount} customers {totalCount} cases {totalCount}
		detractors: responses(filter: {category: [DETRACTOR]}) {totalCount} passives: responses(filter: {category: [PASSIVE]}) {totalCount}
		promoters: responses(filter: {category: [PROMOTER]}) {totalCount}}`, nil)
	counted := map[string]int{}
	for _, name := range []string{"all", "customers", "cases", "detractors", "passives", "promoters"} {
		counted[name] = a.number(name + ".totalCount")
	}
	return counted
}

// collect reads events until there are so many, and gives their cases and the last cursor. Any goroutine may call it.
func (c *socket) collect(n int) (cases []string, last string, err error) {
	for len(cases) < n {
		m, err := c.read()
		e := tree{c.t, m.Payload}.at("data.caseEvents")
		if err != nil || m.Type != "next" || e.missing("cursor") {
			return cases, last, fmt.Errorf("after %d events: %+v, %w", len(cases), m, err)
		}
		cases, last = append(cases, e.text("snapshot.caseId")), e.text("cursor")
	}
	return cases, last, nil
}

const opened = "cursor snapshot {caseId}"

func TestTheReviewsBecomeTheCasesTheyShouldAndEverySubscriberSeesEach(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	begin := s.place()
	whole, cut := s.watch(model.Partner, `(after: "`+begin+`", types: [OPENED])`, opened), s.watch(model.Agent, `(after: "`+begin+`", types: [OPENED])`, opened)
	type seen struct {
		cases []string
		err   error
	}
	all := make(chan seen, 1)
	go func() {
		cases, _, err := whole.collect(761) // one case for each detractor
		all <- seen{cases, err}
	}()

	first := s.importReviews()
	before, last, err := cut.collect(400)
	cut.cut()
	if err != nil {
		t.Fatal(err)
	}
	after, _, err := s.watch(model.Agent, `(after: "`+last+`", types: [OPENED])`, opened).collect(361)
	resumed := seen{append(before, after...), err}
	if code := first.exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	first.await("1,300 responses created, 0 known already, 761 cases opened, 2 rows rejected")
	// 1,040 customers are known by name and country; each of the eight responses without a name is one more.
	want := map[string]int{"all": 1300, "customers": 1048, "cases": 761, "detractors": 761, "passives": 308, "promoters": 231}
	if have := s.figures(); !maps.Equal(have, want) {
		t.Errorf("the figures are %v, not %v", have, want)
	}
	if second := s.importReviews(); second.exit() != 0 {
		t.Error("a second run fails")
	} else {
		second.await("0 responses created, 1,300 known already, 0 cases opened, 2 rows rejected")
	}
	if have := s.figures(); !maps.Equal(have, want) {
		t.Errorf("after a second run the figures are %v, not %v", have, want)
	}

	var logged []string
	for _, e := range s.feed() {
		if e.text("type") == "OPENED" {
			logged = append(logged, e.text("snapshot.caseId"))
		}
	}
	for who, got := range map[string]seen{"who stayed": <-all, "who was cut off": resumed} {
		if got.err != nil || !slices.Equal(got.cases, logged) {
			t.Errorf("the subscriber %s saw %d of %d cases, or in another order (%v)", who, len(got.cases), len(logged), got.err)
		}
	}
}

// agent makes a user who works cases, and gives their id.
func (s *testServer) agent(name string) string {
	s.t.Helper()
	return s.ok(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`,
		vars{"input": vars{"name": name, "email": name + "@example.com", "role": "AGENT"}}).text("createUser.user.id")
}

func TestThreeRulesOnTheReviewsSpreadTheCasesAndTellEachAddressOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if a := s.gql(model.Manager, `mutation ($input: CreateRuleInput!) {createRule(input: $input) {rule {id}}}`,
		vars{"input": vars{"name": "Seats", "filter": vars{"search": "seat"}}}); a.code() != "BAD_USER_INPUT" {
		t.Errorf("a rule that searches: %s", a.body)
	}
	team := []string{s.agent("ana"), s.agent("bo"), s.agent("cem")}
	s.addRule(vars{"assignment": vars{"strategy": "LEAST_BUSY", "userIds": team}})
	countries := vars{"customer": vars{"country": vars{"in": []string{"BR", "de"}}}}
	s.addRule(vars{"name": "Brazil and Germany", "scores": []int{}, "filter": countries, "opensCase": false,
		"notify": []vars{{"kind": "ADDRESS", "address": "one@example.com"}, {"kind": "ADDRESS", "address": "two@example.com"}}})
	germany := s.addRule(vars{"name": "Germany again", "scores": []int{}, "filter": vars{"customer": vars{"country": vars{"eq": "DE"}}}, "opensCase": false,
		"notify": []vars{{"kind": "ADDRESS", "address": "ONE@example.com"}}})
	if code := s.importReviews().exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}

	var spread []int
	for _, id := range team {
		spread = append(spread, s.ok(model.Agent, `query ($f: CaseFilter) {cases(filter: $f) {totalCount}}`, vars{"f": vars{"assignee": []string{id}}}).number("cases.totalCount"))
	}
	slices.Sort(spread)
	if all := s.figures()["cases"]; all != 761 || !slices.Equal(spread, []int{253, 254, 254}) {
		t.Errorf("%d cases, spread %v", all, spread)
	}

	matched := s.ok(model.Agent, `query ($f: ResponseFilter) {responses(filter: $f) {totalCount}}`, vars{"f": countries}).number("responses.totalCount")
	rules := s.ok(model.Manager, `{rules {id matchCount}}`, nil).list("rules")
	// 68 responses are from Brazil, 56 from Germany.
	if matched != 124 || rules[1].number("matchCount") != 124 || rules[2].text("id") != germany || rules[2].number("matchCount") != 56 {
		t.Errorf("%d responses are from there; the rules matched %v", matched, rules)
	}
	told := map[string]map[string]bool{} // by address, the responses
	var after any
	for more := true; more; {
		page := s.ok(model.Stakeholder, `query ($after: String) {notifications(first: 100, after: $after, filter: {kind: [NEW_RESPONSE]}) {
			totalCount pageInfo {hasNextPage endCursor} nodes {to response {id customer {country}}}}}`, vars{"after": after}).at("notifications")
		if page.number("totalCount") != 2*124 {
			t.Fatalf("%d alerts", page.number("totalCount"))
		}
		for _, n := range page.list("nodes") {
			to := strings.ToLower(n.text("to"))
			if told[to] == nil {
				told[to] = map[string]bool{}
			}
			told[to][n.text("response.id")] = true
			if c := n.text("response.customer.country"); c != "BR" && c != "DE" {
				t.Errorf("an alert on a response from %q", c)
			}
		}
		after, more = page.text("pageInfo.endCursor"), page.truth("pageInfo.hasNextPage")
	}
	if len(told) != 2 || len(told["one@example.com"]) != 124 || !maps.Equal(told["one@example.com"], told["two@example.com"]) {
		t.Errorf("told %d addresses, the first of %d responses", len(told), len(told["one@example.com"]))
	}
	if n := s.ok(model.Stakeholder, `{notifications(filter: {kind: [CASE_ASSIGNED]}) {totalCount}}`, nil).number("notifications.totalCount"); n != 761 {
		t.Errorf("%d mails to whom a case was given", n)
	}
}

func TestARuleForOneCountryOpensItsCasesAlone(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(vars{"scores": []int{}, "filter": vars{"customer": vars{"country": vars{"eq": "BR"}}}})
	if code := s.importReviews().exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	a := s.ok(model.Manager, `{cases {totalCount nodes {customer {country}}} responses(filter: {customer: {country: {eq: "br"}}}) {totalCount} rules {matchCount}}`, nil)
	if a.number("cases.totalCount") != 68 || a.number("responses.totalCount") != 68 || a.number("rules.0.matchCount") != 68 {
		t.Errorf("%d cases of %d responses, not 68", a.number("cases.totalCount"), a.number("responses.totalCount"))
	}
	for _, c := range a.list("cases.nodes") {
		if c.text("customer.country") != "BR" {
			t.Errorf("a case from elsewhere: %v", c.v)
		}
	}
}
