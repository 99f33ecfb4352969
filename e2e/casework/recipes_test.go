package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

// Each recipe that the products of this field teach their users, played by people with the API alone: over HTTP, over
// the socket, and by the mails that come.

// adopt makes the rule that a ready recipe proposes, with what the team adds.
func (s *testServer) adopt(key string, with vars) string {
	s.t.Helper()
	for _, recipe := range s.ok(model.Manager, `{ruleRecipes {key name scores contactRequested opensCase followUpTarget notify}}`, nil).list("ruleRecipes") {
		if recipe.text("key") != key {
			continue
		}
		in := vars{"name": recipe.text("name"), "scores": recipe.at("scores").v, "contactRequested": recipe.at("contactRequested").v,
			"opensCase": recipe.truth("opensCase"), "followUpTarget": recipe.at("followUpTarget").v}
		notify := []vars{}
		for _, kind := range recipe.list("notify") {
			notify = append(notify, vars{"kind": kind.v})
		}
		in["notify"] = notify
		for k, v := range with {
			in[k] = v
		}
		return s.ok(model.Manager, `mutation ($input: CreateRuleInput!) {createRule(input: $input) {rule {id}}}`, vars{"input": in}).text("createRule.rule.id")
	}
	s.t.Fatalf("there is no recipe %q", key)
	return ""
}

// person makes a user and gives their id and a token.
func (s *testServer) person(name string, role model.Role) (id, token string) {
	s.t.Helper()
	id = s.ok(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`,
		vars{"input": vars{"name": name, "email": strings.ToLower(strings.Fields(name)[0]) + "@example.com", "role": role}}).text("createUser.user.id")
	token = s.ok(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`,
		vars{"input": vars{"userId": id, "name": "phone"}}).text("createApiToken.secret")
	return id, token
}

// by is the server for somebody with a token of their own: they take the role's place.
func (s *testServer) by(role model.Role, token string) *testServer {
	one := *s
	one.tokens = map[model.Role]string{role: token}
	return &one
}

// Scores 0–6 from Brazil alert the responsible people and open a case, due 48 hours from the response. The account
// manager phones, finds the root cause by asking why five times, and keeps status and notes; the figures tell.
func TestRecipeDetractors(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	server.listen()
	s := newServer(t, settings{smtpURL: server.url})
	paula, token := s.person("Paula Lima", model.Agent)
	s.ok(model.Admin, `mutation {updateSettings(input: {centralAddresses: ["care@example.com"]}) {settings {currency}}}`, nil)
	rule := s.adopt("detractors", vars{"filter": vars{"customer": vars{"country": vars{"eq": "BR"}}}, "assignment": vars{"strategy": "ACCOUNT_MANAGER"},
		"notify": []vars{{"kind": "CENTRAL"}, {"kind": "ACCOUNT_MANAGER"}}})
	board := s.watch(model.Partner, `(after: "`+s.place()+`", types: [OPENED, STATUS_CHANGED], filter: {response: {category: [DETRACTOR]}})`, `type matches case {id number assignee {name}} snapshot {score country customerName}`)

	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
	s.submitted(vars{"score": 2, "customer": vars{"firstName": "Jan", "country": "NL", "accountManagerEmail": "paula@example.com"}}) // not Brazil
	made := s.ok(model.Admin, `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {response {id} case {id}}}`, vars{"input": vars{
		"score": 3, "comment": "The invoice was wrong again.", "drivers": []string{"Billing"}, "respondedAt": at.Format(time.RFC3339),
		"customer": vars{"firstName": "Ana", "lastName": "Souza", "email": "ana@example.org", "company": "Souza Ltda", "country": "BR", "accountManagerEmail": "paula@example.com"}}})
	id := made.text("submitResponse.case.id")

	if e := board.next(); e.text("type") != "OPENED" || e.text("case.id") != id || e.text("snapshot.country") != "BR" || e.number("snapshot.score") != 3 || e.text("snapshot.customerName") != "Ana Souza" {
		t.Errorf("the wallboard shows %v", e.v)
	}
	var to []string
	for _, m := range server.await(3) { // one to each for the response, and one to her who got the case
		to = append(to, m.to)
		for _, detail := range []string{"Ana", "Souza", "Souza Ltda"} {
			if !strings.Contains(m.body, detail) {
				t.Errorf("the mail to %s does not say %q:\n%s", m.to, detail, m.body)
			}
		}
	}
	slices.Sort(to)
	if !slices.Equal(to, []string{"care@example.com", "paula@example.com", "paula@example.com"}) {
		t.Errorf("mails went to %v", to)
	}

	p := s.by(model.Agent, token)
	mine := p.ok(model.Agent, `{cases(filter: {mine: true, status: [OPEN]}) {nodes {id dueAt rules {id} response {comment drivers} customer {phone accountManagerEmail}}}}`, nil).list("cases.nodes")
	if len(mine) != 1 || mine[0].text("id") != id || mine[0].text("rules.0.id") != rule || mine[0].text("dueAt") != at.Add(48*time.Hour).Format(time.RFC3339Nano) {
		t.Fatalf("her home page shows %v", mine)
	}
	p.ok(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {status}}}`,
		vars{"input": vars{"caseId": id, "status": "IN_PROGRESS", "note": "Phoned her; she waits for a corrected invoice.", "outreach": vars{"channel": "PHONE", "outcome": "REACHED"}}})
	p.ok(model.Agent, `mutation ($input: SetRootCauseInput!) {setRootCause(input: $input) {case {rootCause}}}`, vars{"input": vars{"caseId": id, "whys": []string{
		"The invoice was wrong.", "Discounts are typed in by hand.", "The contract's terms are not in the billing system.", "Nobody owns the contract data.", "Sales and billing were never joined."}}})
	p.ok(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {status}}}`,
		vars{"input": vars{"caseId": id, "status": "CLOSED", "note": "The corrected invoice is with her."}})
	for _, status := range []string{"IN_PROGRESS", "CLOSED"} {
		if e := board.next(); e.text("type") != "STATUS_CHANGED" || e.text("case.assignee.name") != "Paula Lima" {
			t.Errorf("the wallboard shows %v for %s", e.v, status)
		}
	}

	told := s.ok(model.Stakeholder, `query ($id: ID!, $user: [ID!]) {
		node(id: $id) {... on Case {status rootCause firstFollowUpAt firstContactAt closedAt overdue history {nodes {type actor {id} note {body}}}}}
		followUpReport(filter: {assignee: $user}, groupBy: ASSIGNEE) {cases withTarget followedUpInTime contactedInTime closedInTime inTimeRate overdueNow groups {key label inTimeRate}}
	}`, vars{"id": id, "user": []string{paula}})
	var history []string
	for _, e := range told.list("node.history.nodes") {
		history = append(history, e.text("type"))
	}
	if want := []string{"OPENED", "ASSIGNED", "OUTREACH_RECORDED", "STATUS_CHANGED", "ROOT_CAUSE_SET", "STATUS_CHANGED"}; !slices.Equal(history, want) {
		t.Errorf("the history is %v, not %v", history, want)
	}
	if len(told.list("node.rootCause")) != 5 || told.missing("node.firstContactAt") || told.missing("node.closedAt") {
		t.Errorf("the case is %v", told.at("node").v)
	}
	r := told.at("followUpReport")
	if r.number("cases") != 1 || r.number("withTarget") != 1 || r.number("followedUpInTime") != 1 || r.number("contactedInTime") != 1 || r.number("closedInTime") != 1 ||
		r.number("inTimeRate") != 1 || r.number("overdueNow") != 0 || r.text("groups.0.key") != paula || r.text("groups.0.label") != "Paula Lima" {
		t.Errorf("the figures are %v", r.v)
	}
}

// Scores 7 and 8, by country. The team thanks, asks for the drivers and what would make it a 9 or a 10, says when the
// customer is surveyed again, and records it all with a note at each status change.
func TestRecipePassives(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.adopt("passives", vars{"filter": vars{"customer": vars{"country": vars{"in": []string{"DE", "AT"}}}}, "assignment": vars{"strategy": "ROUND_ROBIN",
		"userIds": []string{s.users[model.Agent], s.users[model.Manager]}}})
	_, elsewhere := s.submitted(vars{"score": 8, "customer": vars{"firstName": "Ana", "country": "BR"}})
	_, promoter := s.submitted(vars{"score": 9, "customer": vars{"firstName": "Eva", "country": "DE"}})
	response, id := s.submitted(vars{"score": 8, "customer": vars{"externalId": "uwe", "firstName": "Uwe", "country": "DE"}})
	_, second := s.submitted(vars{"score": 7, "customer": vars{"firstName": "Ida", "country": "AT"}})
	if elsewhere+promoter != "" || id == "" || second == "" {
		t.Fatalf("cases %q %q %q %q", elsewhere, promoter, id, second)
	}
	if n := s.ok(model.Agent, `{cases(filter: {mine: true}) {totalCount}}`, nil).number("cases.totalCount"); n != 1 {
		t.Errorf("the first in turn has %d cases", n)
	}
	next := time.Now().UTC().AddDate(0, 3, 0).Truncate(time.Second).Format(time.RFC3339)
	s.ok(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {status}}}`, vars{"input": vars{
		"caseId": id, "status": "IN_PROGRESS", "note": "Thanked him, asked for his reasons; we survey him again in three months.",
		"outreach": vars{"channel": "PHONE", "offer": "THANK_YOU", "outcome": "REACHED", "nextSurveyAt": next}}})
	if r := s.ok(model.Agent, `query ($id: ID!) {node(id: $id) {... on Response {contactStatus customer {lastContactedAt nextSurveyAt}}}}`, vars{"id": response}); r.text("node.contactStatus") != "CONTACTED" ||
		r.text("node.customer.nextSurveyAt") != next || r.missing("node.customer.lastContactedAt") {
		t.Errorf("after the call: %v", r.v)
	}
	reply := s.ok(model.Agent, `mutation ($input: RecordReplyInput!) {recordReply(input: $input) {case {response {contactStatus}} event {improvement note {body}}}}`, vars{"input": vars{
		"caseId": id, "note": "Billing is his driver.", "improvement": "A invoice that a human can read."}})
	if reply.text("recordReply.case.response.contactStatus") != "REPLIED" || reply.text("recordReply.event.improvement") != "A invoice that a human can read." {
		t.Errorf("the reply is %v", reply.v)
	}
	if refused := s.gql(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
		vars{"input": vars{"caseId": id, "status": "CLOSED", "note": " "}}); refused.code() != "BAD_USER_INPUT" || refused.errors[0].argument() != "input.note" {
		t.Errorf("a status changes without a word: %s", refused.body)
	}
	s.ok(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
		vars{"input": vars{"caseId": id, "status": "CLOSED", "note": "Told the invoice team."}})
	// Three months later he answers again.
	s.submitted(vars{"score": 9, "respondedAt": time.Now().UTC().Add(time.Minute).Format(time.RFC3339), "customer": vars{"externalId": "uwe", "firstName": "Uwe", "country": "DE"}})
	won := s.ok(model.Stakeholder, `query ($id: ID!) {node(id: $id) {... on Response {nextResponse {score category nextResponse {id}}}}
		recoveryReport {closedCases answeredAgain convertedPassives meanScoreChange} npsReport(filter: {customer: {country: {eq: "Germany"}}}) {promoters}}`, vars{"id": response})
	if n := won.at("node.nextResponse"); n.number("score") != 9 || n.text("category") != "PROMOTER" || !n.missing("nextResponse") {
		t.Errorf("his next answer is %v", n.v)
	}
	if r := won.at("recoveryReport"); r.number("closedCases") != 1 || r.number("answeredAgain") != 1 || r.number("convertedPassives") != 1 || r.number("meanScoreChange") != 1 {
		t.Errorf("what it brought: %v", r.v)
	}
}

// Any score with 'please contact me' alerts the central addresses.
func TestRecipePleaseContactMe(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	server.listen()
	s := newServer(t, settings{smtpURL: server.url})
	s.ok(model.Admin, `mutation {updateSettings(input: {centralAddresses: ["care@example.com", "desk@example.com"]}) {settings {currency}}}`, nil)
	s.adopt("contact-me", nil)
	s.submitted(vars{"score": 10, "customer": vars{"firstName": "Bo"}})
	_, id := s.submitted(vars{"score": 10, "contactRequested": true, "comment": "Call me about the upgrade.", "customer": vars{"firstName": "Mia", "phone": "+49 30 1234"}})
	var to []string
	for _, m := range server.await(2) {
		to = append(to, m.to)
		if !strings.Contains(m.body, "Mia") || !strings.Contains(m.body, "Call me about the upgrade.") {
			t.Errorf("the alert says\n%s", m.body)
		}
	}
	slices.Sort(to)
	if !slices.Equal(to, []string{"care@example.com", "desk@example.com"}) {
		t.Errorf("alerts went to %v", to)
	}
	c := s.ok(model.Agent, `{cases(filter: {response: {contactRequested: true}}) {totalCount nodes {id response {score}}}}`, nil)
	if c.number("cases.totalCount") != 1 || c.text("cases.nodes.0.id") != id || c.number("cases.nodes.0.response.score") != 10 {
		t.Errorf("the cases are %v", c.v)
	}
}

// Opening by hand from a customer's record, assigning by typing a name; the assignee finds the case at home and in a
// mail, comments stay internal, and history says who assigned it to whom, when and why.
func TestRecipeFireFighting(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	server.listen()
	s := newServer(t, settings{smtpURL: server.url})
	paula, token := s.person("Paula Lima", model.Agent)
	s.person("Paul Reiter", model.Agent)
	s.submitted(vars{"score": 9, "customer": vars{"firstName": "Ana", "lastName": "Souza", "email": "ana@example.org", "company": "Souza Ltda"}})
	found := s.ok(model.Manager, `{customers(filter: {search: "souz ana"}) {nodes {id displayName}}}`, nil)
	customer := found.text("customers.nodes.0.id")
	if found.text("customers.nodes.0.displayName") != "Ana Souza" {
		t.Fatalf("her record is not found: %v", found.v)
	}
	opened := s.ok(model.Manager, `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id number status origin openedBy {id} response {id}}}}`,
		vars{"input": vars{"customerId": customer, "note": "She called the switchboard, furious about the delay."}}).at("openCase.case")
	id := opened.text("id")
	if opened.text("origin") != "MANUAL" || opened.text("openedBy.id") != s.users[model.Manager] || !opened.missing("response") {
		t.Errorf("the case is %v", opened.v)
	}
	if typed := s.ok(model.Manager, `{users(filter: {search: "paul", active: true, role: [AGENT]}) {nodes {name}}}`, nil).list("users.nodes"); len(typed) != 2 {
		t.Errorf("typing a name offers %v", typed)
	}
	if typed := s.ok(model.Manager, `{users(filter: {search: "paula l"}) {nodes {id}}}`, nil).list("users.nodes"); len(typed) != 1 || typed[0].text("id") != paula {
		t.Errorf("typing more of it offers %v", typed)
	}
	s.ok(model.Manager, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {assignee {name}}}}`,
		vars{"input": vars{"caseId": id, "assigneeId": paula, "note": "You sold her the plan."}})
	mail := server.await(1)[0]
	if mail.to != "paula@example.com" || !strings.Contains(mail.body, "Ana Souza") || strings.Contains(mail.body, "furious") || strings.Contains(mail.body, "sold her") {
		t.Errorf("the mail to %s says %s\n%s", mail.to, mail.subject, mail.body)
	}
	p := s.by(model.Agent, token)
	home := p.ok(model.Agent, `{viewer {user {assignedCases(filter: {not: {status: [CLOSED]}}) {nodes {id assignedAt assignedBy {id}}}}}}`, nil).list("viewer.user.assignedCases.nodes")
	if len(home) != 1 || home[0].text("id") != id || home[0].text("assignedBy.id") != s.users[model.Manager] {
		t.Errorf("her home page shows %v", home)
	}
	p.note(id, "Her flight was ours, not a partner's.")
	p.ok(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
		vars{"input": vars{"caseId": id, "status": "IN_PROGRESS", "note": "Called her back."}})
	history := s.ok(model.Manager, `query ($id: ID!) {node(id: $id) {... on Case {history {nodes {type at actor {name} note {body} ... on CaseAssigned {previousAssignee {id} assignee {name}}}}}}
		caseSummary {open inProgress closed total}}`, vars{"id": id})
	var said []string
	for _, e := range history.list("node.history.nodes") {
		said = append(said, e.text("type")+" by "+e.text("actor.name")+": "+e.text("note.body"))
		if e.text("type") == "ASSIGNED" && (e.text("assignee.name") != "Paula Lima" || !e.missing("previousAssignee") || e.missing("at")) {
			t.Errorf("the assignment is %v", e.v)
		}
	}
	manager := s.ok(model.Manager, `{viewer {user {name}}}`, nil).text("viewer.user.name")
	if want := []string{"OPENED by " + manager + ": She called the switchboard, furious about the delay.", "ASSIGNED by " + manager + ": You sold her the plan.",
		"NOTE_ADDED by Paula Lima: Her flight was ours, not a partner's.", "STATUS_CHANGED by Paula Lima: Called her back."}; !slices.Equal(said, want) {
		t.Errorf("the history says %q", said)
	}
	if sums := history.at("caseSummary"); sums.number("open") != 0 || sums.number("inProgress") != 1 || sums.number("closed") != 0 || sums.number("total") != 1 {
		t.Errorf("the sums are %v", sums.v)
	}
}

// Alerts go to one or several central addresses, and to the agent or account manager of the data feed, together or
// alone; front-line people see their cases, and stakeholders everything and the reports.
func TestRecipeSetUp(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	server.listen()
	s := newServer(t, settings{smtpURL: server.url})
	s.ok(model.Admin, `mutation {updateSettings(input: {centralAddresses: ["care@example.com"]}) {settings {currency}}}`, nil)
	for _, rule := range []vars{
		{"name": "Low", "scores": []int{0, 1}, "notify": []vars{{"kind": "CENTRAL"}, {"kind": "AGENT"}, {"kind": "ACCOUNT_MANAGER"}}, "assignment": vars{"strategy": "AGENT"}},
		{"name": "Middling", "scores": []int{2, 3}, "notify": []vars{{"kind": "AGENT"}}},
		{"name": "Passive", "scores": []int{7}, "opensCase": false, "notify": []vars{{"kind": "ACCOUNT_MANAGER"}, {"kind": "ADDRESS", "address": "north@example.com"}}},
	} {
		s.addRule(rule)
	}
	id := s.ok(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id personalData scope {ownCasesOnly}}}}`,
		vars{"input": vars{"name": "Theo Front", "email": "theo@example.com", "role": "AGENT", "scope": vars{"ownCasesOnly": true}}}).text("createUser.user.id")
	token := s.ok(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`, vars{"input": vars{"userId": id, "name": "till"}}).text("createApiToken.secret")
	who := func(score int, agent string) vars {
		return vars{"score": score, "customer": vars{"agentEmail": agent, "accountManagerEmail": "am@example.com", "firstName": "Ana"}}
	}
	_, theirs := s.submitted(who(0, "theo@example.com"))
	_, others := s.submitted(who(2, "nobody@example.com"))
	s.submitted(who(7, "nobody@example.com"))
	var to []string
	for _, m := range server.await(7) {
		to = append(to, m.to)
	}
	slices.Sort(to)
	if want := []string{"am@example.com", "am@example.com", "care@example.com", "nobody@example.com", "north@example.com", "theo@example.com", "theo@example.com"}; !slices.Equal(to, want) {
		t.Errorf("alerts went to %v, not to %v", to, want)
	}
	front := s.by(model.Agent, token)
	seen := front.ok(model.Agent, `query ($other: ID!) {cases {totalCount nodes {id}} caseSummary {total} node(id: $other) {id}}`, vars{"other": others})
	if seen.number("cases.totalCount") != 1 || seen.text("cases.nodes.0.id") != theirs || seen.number("caseSummary.total") != 1 || !seen.missing("node") {
		t.Errorf("front-line people see %v", seen.v)
	}
	whole := s.ok(model.Stakeholder, `{cases {totalCount} npsReport {responses detractors passives} followUpReport {cases} recoveryReport {closedCases} rules {name} users {totalCount}}`, nil)
	if whole.number("cases.totalCount") != 2 || whole.number("npsReport.responses") != 3 || whole.number("npsReport.detractors") != 2 || whole.number("followUpReport.cases") != 2 {
		t.Errorf("stakeholders see %v", whole.v)
	}
	if refused := s.gql(model.Stakeholder, `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`, vars{"input": vars{"caseId": theirs, "body": "Hm."}}); refused.code() != "FORBIDDEN" {
		t.Errorf("a stakeholder writes: %s", refused.body)
	}
}
