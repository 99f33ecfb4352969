package casework

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// The recipes that products of this field teach their users, carried out through the API alone: HTTP, sockets and mails.

// adopt makes the rule that a recipe proposes, with the team's changes.
func adopt(s *setup.Server, key string, with vars) string {
	s.T.Helper()
	for _, recipe := range s.OK(model.Manager, `{ruleRecipes {key name scores contactRequested opensCase followUpTarget notify}}`, nil).List("ruleRecipes") {
		if recipe.Text("key") != key {
			continue
		}
		in := vars{"name": recipe.Text("name"), "scores": recipe.At("scores").V, "contactRequested": recipe.At("contactRequested").V,
			"opensCase": recipe.Bool("opensCase"), "followUpTarget": recipe.At("followUpTarget").V}
		notify := []vars{}
		for _, kind := range recipe.List("notify") {
			notify = append(notify, vars{"kind": kind.V})
		}
		in["notify"] = notify
		for k, v := range with {
			in[k] = v
		}
		return s.OK(model.Manager, `mutation ($input: CreateRuleInput!) {createRule(input: $input) {rule {id}}}`, vars{"input": in}).Text("createRule.rule.id")
	}
	s.T.Fatalf("there is no recipe %q", key)
	return ""
}

// person makes a user, and returns the id and a token.
func person(s *setup.Server, name string, role model.Role) (id, token string) {
	s.T.Helper()
	id = s.OK(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`,
		vars{"input": vars{"name": name, "email": strings.ToLower(strings.Fields(name)[0]) + "@example.com", "role": role}}).Text("createUser.user.id")
	token = s.OK(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`,
		vars{"input": vars{"userId": id, "name": "phone"}}).Text("createApiToken.secret")
	return id, token
}

// by is the server whose calls with the role use this token.
func by(s *setup.Server, role model.Role, token string) *setup.Server {
	one := *s
	one.Tokens = map[model.Role]string{role: token}
	return &one
}

func TestRecipe(t *testing.T) {
	t.Parallel()
	// Scores 0–6 from Brazil alert the responsible people and open a case, due 48 hours from the response. The account
	// manager phones, finds the root cause by asking why five times, and keeps status and notes; the reports show the result.
	t.Run("detractors", func(t *testing.T) {
		t.Parallel()
		server := setup.NewMailServer(t)
		server.Listen()
		s := setup.NewServer(t, setup.Options{SMTPURL: server.URL})
		paula, token := person(s, "Paula Lima", model.Agent)
		s.OK(model.Admin, `mutation {updateSettings(input: {centralAddresses: ["care@example.com"]}) {settings {currency}}}`, nil)
		rule := adopt(s, "detractors", vars{"filter": vars{"customer": vars{"country": vars{"eq": "BR"}}}, "assignment": vars{"strategy": "ACCOUNT_MANAGER"},
			"notify": []vars{{"kind": "CENTRAL"}, {"kind": "ACCOUNT_MANAGER"}}})
		board := s.Watch(model.Partner, `(after: "`+s.Cursor()+`", types: [OPENED, STATUS_CHANGED], filter: {response: {category: [DETRACTOR]}})`, `type case {id number assignee {name}} snapshot {score country customerName}`)

		at := time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
		s.Submit(vars{"score": 2, "customer": vars{"firstName": "Jan", "country": "NL", "accountManagerEmail": "paula@example.com"}}) // not from Brazil
		made := s.OK(model.Admin, `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {response {id} case {id}}}`, vars{"input": vars{
			"score": 3, "comment": "The invoice was wrong again.", "drivers": []string{"Billing"}, "respondedAt": at.Format(time.RFC3339),
			"customer": vars{"firstName": "Ana", "lastName": "Souza", "email": "ana@example.org", "company": "Souza Ltda", "country": "BR", "accountManagerEmail": "paula@example.com"}}})
		id := made.Text("submitResponse.case.id")

		if e := board.Next(); e.Text("type") != "OPENED" || e.Text("case.id") != id || e.Text("snapshot.country") != "BR" || e.Number("snapshot.score") != 3 || e.Text("snapshot.customerName") != "Ana Souza" {
			t.Errorf("the wallboard shows %v", e.V)
		}
		var to []string
		for _, m := range server.Await(3) { // one to each recipient for the response, and one to the assignee
			to = append(to, m.To)
			for _, detail := range []string{"Ana", "Souza", "Souza Ltda"} {
				if !strings.Contains(m.Body, detail) {
					t.Errorf("the mail to %s does not say %q:\n%s", m.To, detail, m.Body)
				}
			}
		}
		slices.Sort(to)
		if !slices.Equal(to, []string{"care@example.com", "paula@example.com", "paula@example.com"}) {
			t.Errorf("mails went to %v", to)
		}

		p := by(s, model.Agent, token)
		mine := p.OK(model.Agent, `{cases(filter: {mine: true, status: [OPEN]}) {nodes {id dueAt rules {id} response {comment drivers} customer {phone accountManagerEmail}}}}`, nil).List("cases.nodes")
		if len(mine) != 1 || mine[0].Text("id") != id || mine[0].Text("rules.0.id") != rule || mine[0].Text("dueAt") != at.Add(48*time.Hour).Format(time.RFC3339Nano) {
			t.Fatalf("her home page shows %v", mine)
		}
		p.OK(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {status}}}`,
			vars{"input": vars{"caseId": id, "status": "IN_PROGRESS", "note": "Phoned her; she waits for a corrected invoice.", "outreach": vars{"channel": "PHONE", "outcome": "REACHED"}}})
		p.OK(model.Agent, `mutation ($input: SetRootCauseInput!) {setRootCause(input: $input) {case {rootCause}}}`, vars{"input": vars{"caseId": id, "whys": []string{
			"The invoice was wrong.", "Discounts are typed in by hand.", "The contract's terms are not in the billing system.", "Nobody owns the contract data.", "Sales and billing were never joined."}}})
		p.OK(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {status}}}`,
			vars{"input": vars{"caseId": id, "status": "CLOSED", "note": "The corrected invoice is with her."}})
		for _, status := range []string{"IN_PROGRESS", "CLOSED"} {
			if e := board.Next(); e.Text("type") != "STATUS_CHANGED" || e.Text("case.assignee.name") != "Paula Lima" {
				t.Errorf("the wallboard shows %v for %s", e.V, status)
			}
		}

		read := s.OK(model.Stakeholder, `query ($id: ID!, $user: [ID!]) {
		node(id: $id) {... on Case {status rootCause firstFollowUpAt firstContactAt closedAt overdue history {nodes {type actor {id} note {body}}}}}
		followUpReport(filter: {assignee: $user}, groupBy: ASSIGNEE) {cases withTarget followedUpInTime contactedInTime closedInTime inTimeRate overdueNow groups {key label inTimeRate}}
	}`, vars{"id": id, "user": []string{paula}})
		var history []string
		for _, e := range read.List("node.history.nodes") {
			history = append(history, e.Text("type"))
		}
		if want := []string{"OPENED", "ASSIGNED", "OUTREACH_RECORDED", "STATUS_CHANGED", "ROOT_CAUSE_SET", "STATUS_CHANGED"}; !slices.Equal(history, want) {
			t.Errorf("the history is %v, not %v", history, want)
		}
		if len(read.List("node.rootCause")) != 5 || read.Missing("node.firstContactAt") || read.Missing("node.closedAt") {
			t.Errorf("the case is %v", read.At("node").V)
		}
		r := read.At("followUpReport")
		if r.Number("cases") != 1 || r.Number("withTarget") != 1 || r.Number("followedUpInTime") != 1 || r.Number("contactedInTime") != 1 || r.Number("closedInTime") != 1 ||
			r.Number("inTimeRate") != 1 || r.Number("overdueNow") != 0 || r.Text("groups.0.key") != paula || r.Text("groups.0.label") != "Paula Lima" {
			t.Errorf("the figures are %v", r.V)
		}
	})

	// Scores 7 and 8, by country. The team thanks, asks for the drivers and what would make it a 9 or a 10, says when the
	// customer is surveyed again, and records it all with a note at each status change.
	t.Run("passives", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		adopt(s, "passives", vars{"filter": vars{"customer": vars{"country": vars{"in": []string{"DE", "AT"}}}}, "assignment": vars{"strategy": "ROUND_ROBIN",
			"userIds": []string{s.Users[model.Agent], s.Users[model.Manager]}}})
		_, elsewhere := s.Submit(vars{"score": 8, "customer": vars{"firstName": "Ana", "country": "BR"}})
		_, promoter := s.Submit(vars{"score": 9, "customer": vars{"firstName": "Eva", "country": "DE"}})
		response, id := s.Submit(vars{"score": 8, "customer": vars{"externalId": "uwe", "firstName": "Uwe", "country": "DE"}})
		_, second := s.Submit(vars{"score": 7, "customer": vars{"firstName": "Ida", "country": "AT"}})
		if elsewhere+promoter != "" || id == "" || second == "" {
			t.Fatalf("cases %q %q %q %q", elsewhere, promoter, id, second)
		}
		if n := s.OK(model.Agent, `{cases(filter: {mine: true}) {totalCount}}`, nil).Number("cases.totalCount"); n != 1 {
			t.Errorf("the first in turn has %d cases", n)
		}
		next := time.Now().UTC().AddDate(0, 3, 0).Truncate(time.Second).Format(time.RFC3339)
		s.OK(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {status}}}`, vars{"input": vars{
			"caseId": id, "status": "IN_PROGRESS", "note": "Thanked him, asked for his reasons; we survey him again in three months.",
			"outreach": vars{"channel": "PHONE", "offer": "THANK_YOU", "outcome": "REACHED", "nextSurveyAt": next}}})
		if r := s.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Response {contactStatus customer {lastContactedAt nextSurveyAt}}}}`, vars{"id": response}); r.Text("node.contactStatus") != "CONTACTED" ||
			r.Text("node.customer.nextSurveyAt") != next || r.Missing("node.customer.lastContactedAt") {
			t.Errorf("after the call: %v", r.V)
		}
		reply := s.OK(model.Agent, `mutation ($input: RecordReplyInput!) {recordReply(input: $input) {case {response {contactStatus}} event {improvement note {body}}}}`, vars{"input": vars{
			"caseId": id, "note": "Billing is his driver.", "improvement": "A invoice that a human can read."}})
		if reply.Text("recordReply.case.response.contactStatus") != "REPLIED" || reply.Text("recordReply.event.improvement") != "A invoice that a human can read." {
			t.Errorf("the reply is %v", reply.V)
		}
		if refused := s.Do(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
			vars{"input": vars{"caseId": id, "status": "CLOSED", "note": " "}}); refused.Code() != "BAD_USER_INPUT" || refused.Errors[0].Argument() != "input.note" {
			t.Errorf("a status changes without a word: %s", refused.Body)
		}
		s.OK(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
			vars{"input": vars{"caseId": id, "status": "CLOSED", "note": "Told the invoice team."}})
		// The customer answers again.
		s.Submit(vars{"score": 9, "respondedAt": time.Now().UTC().Add(time.Minute).Format(time.RFC3339), "customer": vars{"externalId": "uwe", "firstName": "Uwe", "country": "DE"}})
		won := s.OK(model.Stakeholder, `query ($id: ID!) {node(id: $id) {... on Response {nextResponse {score category nextResponse {id}}}}
		recoveryReport {closedCases answeredAgain convertedPassives meanScoreChange} npsReport(filter: {customer: {country: {eq: "Germany"}}}) {promoters}}`, vars{"id": response})
		if n := won.At("node.nextResponse"); n.Number("score") != 9 || n.Text("category") != "PROMOTER" || !n.Missing("nextResponse") {
			t.Errorf("his next answer is %v", n.V)
		}
		if r := won.At("recoveryReport"); r.Number("closedCases") != 1 || r.Number("answeredAgain") != 1 || r.Number("convertedPassives") != 1 || r.Number("meanScoreChange") != 1 {
			t.Errorf("what it brought: %v", r.V)
		}
	})

	// Any score with 'please contact me' alerts the central addresses.
	t.Run("please contact me", func(t *testing.T) {
		t.Parallel()
		server := setup.NewMailServer(t)
		server.Listen()
		s := setup.NewServer(t, setup.Options{SMTPURL: server.URL})
		s.OK(model.Admin, `mutation {updateSettings(input: {centralAddresses: ["care@example.com", "desk@example.com"]}) {settings {currency}}}`, nil)
		adopt(s, "contact-me", nil)
		s.Submit(vars{"score": 10, "customer": vars{"firstName": "Bo"}})
		_, id := s.Submit(vars{"score": 10, "contactRequested": true, "comment": "Call me about the upgrade.", "customer": vars{"firstName": "Mia", "phone": "+49 30 1234"}})
		var to []string
		for _, m := range server.Await(2) {
			to = append(to, m.To)
			if !strings.Contains(m.Body, "Mia") || !strings.Contains(m.Body, "Call me about the upgrade.") {
				t.Errorf("the alert says\n%s", m.Body)
			}
		}
		slices.Sort(to)
		if !slices.Equal(to, []string{"care@example.com", "desk@example.com"}) {
			t.Errorf("alerts went to %v", to)
		}
		c := s.OK(model.Agent, `{cases(filter: {response: {contactRequested: true}}) {totalCount nodes {id response {score}}}}`, nil)
		if c.Number("cases.totalCount") != 1 || c.Text("cases.nodes.0.id") != id || c.Number("cases.nodes.0.response.score") != 10 {
			t.Errorf("the cases are %v", c.V)
		}
	})

	// Opening by hand from a customer's record, assigning by typing a name; the assignee finds the case at home and in a
	// mail, comments stay internal, and history says who assigned it to whom, when and why.
	t.Run("fire fighting", func(t *testing.T) {
		t.Parallel()
		server := setup.NewMailServer(t)
		server.Listen()
		s := setup.NewServer(t, setup.Options{SMTPURL: server.URL})
		paula, token := person(s, "Paula Lima", model.Agent)
		person(s, "Paul Reiter", model.Agent)
		s.Submit(vars{"score": 9, "customer": vars{"firstName": "Ana", "lastName": "Souza", "email": "ana@example.org", "company": "Souza Ltda"}})
		found := s.OK(model.Manager, `{customers(filter: {search: "souz ana"}) {nodes {id displayName}}}`, nil)
		customer := found.Text("customers.nodes.0.id")
		if found.Text("customers.nodes.0.displayName") != "Ana Souza" {
			t.Fatalf("her record is not found: %v", found.V)
		}
		opened := s.OK(model.Manager, `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id number status origin openedBy {id} response {id}}}}`,
			vars{"input": vars{"subject": vars{"customerId": customer}, "note": "She called the switchboard, furious about the delay."}}).At("openCase.case")
		id := opened.Text("id")
		if opened.Text("origin") != "MANUAL" || opened.Text("openedBy.id") != s.Users[model.Manager] || !opened.Missing("response") {
			t.Errorf("the case is %v", opened.V)
		}
		if typed := s.OK(model.Manager, `{users(filter: {search: "paul", active: true, role: [AGENT]}) {nodes {name}}}`, nil).List("users.nodes"); len(typed) != 2 {
			t.Errorf("typing a name offers %v", typed)
		}
		if typed := s.OK(model.Manager, `{users(filter: {search: "paula l"}) {nodes {id}}}`, nil).List("users.nodes"); len(typed) != 1 || typed[0].Text("id") != paula {
			t.Errorf("typing more of it offers %v", typed)
		}
		s.OK(model.Manager, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {assignee {name}}}}`,
			vars{"input": vars{"caseId": id, "assigneeId": paula, "note": "You sold her the plan."}})
		mail := server.Await(1)[0]
		if mail.To != "paula@example.com" || !strings.Contains(mail.Body, "Ana Souza") || strings.Contains(mail.Body, "furious") || strings.Contains(mail.Body, "sold her") {
			t.Errorf("the mail to %s says %s\n%s", mail.To, mail.Subject, mail.Body)
		}
		p := by(s, model.Agent, token)
		home := p.OK(model.Agent, `{viewer {user {assignedCases(filter: {not: {status: [CLOSED]}}) {nodes {id assignedAt assignedBy {id}}}}}}`, nil).List("viewer.user.assignedCases.nodes")
		if len(home) != 1 || home[0].Text("id") != id || home[0].Text("assignedBy.id") != s.Users[model.Manager] {
			t.Errorf("her home page shows %v", home)
		}
		p.AddNote(id, "Her flight was ours, not a partner's.")
		p.OK(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
			vars{"input": vars{"caseId": id, "status": "IN_PROGRESS", "note": "Called her back."}})
		history := s.OK(model.Manager, `query ($id: ID!) {node(id: $id) {... on Case {history {nodes {type at actor {name} note {body} ... on CaseAssigned {previousAssignee {id} assignee {name}}}}}}
		caseSummary {open inProgress closed total}}`, vars{"id": id})
		var said []string
		for _, e := range history.List("node.history.nodes") {
			said = append(said, e.Text("type")+" by "+e.Text("actor.name")+": "+e.Text("note.body"))
			if e.Text("type") == "ASSIGNED" && (e.Text("assignee.name") != "Paula Lima" || !e.Missing("previousAssignee") || e.Missing("at")) {
				t.Errorf("the assignment is %v", e.V)
			}
		}
		manager := s.OK(model.Manager, `{viewer {user {name}}}`, nil).Text("viewer.user.name")
		if want := []string{"OPENED by " + manager + ": She called the switchboard, furious about the delay.", "ASSIGNED by " + manager + ": You sold her the plan.",
			"NOTE_ADDED by Paula Lima: Her flight was ours, not a partner's.", "STATUS_CHANGED by Paula Lima: Called her back."}; !slices.Equal(said, want) {
			t.Errorf("the history says %q", said)
		}
		if sums := history.At("caseSummary"); sums.Number("open") != 0 || sums.Number("inProgress") != 1 || sums.Number("closed") != 0 || sums.Number("total") != 1 {
			t.Errorf("the sums are %v", sums.V)
		}
	})

	// Alerts go to one or several central addresses, and to the agent or account manager of the data feed, together or
	// alone; front-line people see their cases, and stakeholders everything and the reports.
	t.Run("set up", func(t *testing.T) {
		t.Parallel()
		server := setup.NewMailServer(t)
		server.Listen()
		s := setup.NewServer(t, setup.Options{SMTPURL: server.URL})
		s.OK(model.Admin, `mutation {updateSettings(input: {centralAddresses: ["care@example.com"]}) {settings {currency}}}`, nil)
		for _, rule := range []vars{
			{"name": "Low", "scores": []int{0, 1}, "notify": []vars{{"kind": "CENTRAL"}, {"kind": "AGENT"}, {"kind": "ACCOUNT_MANAGER"}}, "assignment": vars{"strategy": "AGENT"}},
			{"name": "Middling", "scores": []int{2, 3}, "notify": []vars{{"kind": "AGENT"}}},
			{"name": "Passive", "scores": []int{7}, "opensCase": false, "notify": []vars{{"kind": "ACCOUNT_MANAGER"}, {"kind": "ADDRESS", "address": "north@example.com"}}},
		} {
			s.AddRule(rule)
		}
		id := s.OK(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id personalData scope {ownCasesOnly}}}}`,
			vars{"input": vars{"name": "Theo Front", "email": "theo@example.com", "role": "AGENT", "scope": vars{"ownCasesOnly": true}}}).Text("createUser.user.id")
		token := s.OK(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`, vars{"input": vars{"userId": id, "name": "till"}}).Text("createApiToken.secret")
		who := func(score int, agent string) vars {
			return vars{"score": score, "customer": vars{"agentEmail": agent, "accountManagerEmail": "am@example.com", "firstName": "Ana"}}
		}
		_, theirs := s.Submit(who(0, "theo@example.com"))
		_, others := s.Submit(who(2, "nobody@example.com"))
		s.Submit(who(7, "nobody@example.com"))
		var to []string
		for _, m := range server.Await(7) {
			to = append(to, m.To)
		}
		slices.Sort(to)
		if want := []string{"am@example.com", "am@example.com", "care@example.com", "nobody@example.com", "north@example.com", "theo@example.com", "theo@example.com"}; !slices.Equal(to, want) {
			t.Errorf("alerts went to %v, not to %v", to, want)
		}
		front := by(s, model.Agent, token)
		seen := front.OK(model.Agent, `query ($other: ID!) {cases {totalCount nodes {id}} caseSummary {total} node(id: $other) {id}}`, vars{"other": others})
		if seen.Number("cases.totalCount") != 1 || seen.Text("cases.nodes.0.id") != theirs || seen.Number("caseSummary.total") != 1 || !seen.Missing("node") {
			t.Errorf("front-line people see %v", seen.V)
		}
		whole := s.OK(model.Stakeholder, `{cases {totalCount} npsReport {responses detractors passives} followUpReport {cases} recoveryReport {closedCases} rules {name} users {totalCount}}`, nil)
		if whole.Number("cases.totalCount") != 2 || whole.Number("npsReport.responses") != 3 || whole.Number("npsReport.detractors") != 2 || whole.Number("followUpReport.cases") != 2 {
			t.Errorf("stakeholders see %v", whole.V)
		}
		if refused := s.Do(model.Stakeholder, `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`, vars{"input": vars{"caseId": theirs, "body": "Hm."}}); refused.Code() != "FORBIDDEN" {
			t.Errorf("a stakeholder writes: %s", refused.Body)
		}
	})
}
