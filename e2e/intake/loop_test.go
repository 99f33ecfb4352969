package intake

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestLoop(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	rule := s.AddRule(vars{
		"name": "Close the loop", "filter": vars{"customer": vars{"country": vars{"eq": "br"}}},
		"assignment": vars{"strategy": "AGENT", "fallbackUserId": s.Users[model.Manager]},
	})
	if other := s.OK(model.Intake, setup.SubmitResponse, vars{"input": vars{"score": 2, "customer": vars{"country": "DE"}}}); !other.Bool("submitResponse.created") {
		t.Error("a response from elsewhere was not taken")
	}
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Hour).Add(123_456_789)
	made := s.OK(model.Intake, setup.SubmitResponse, vars{"input": vars{
		"externalId": "r1", "score": 2, "comment": "Nobody called back.", "contactRequested": true,
		"respondedAt": at.In(time.FixedZone("", 2*60*60)).Format(time.RFC3339Nano),
		"customer":    vars{"externalId": "c1", "firstName": "Ana", "lastName": "Souza", "country": "Brazil", "lifetimeValue": "1234.50", "agentEmail": "AGENT@example.com"},
	}})
	response := made.Text("submitResponse.response.id")

	found := s.OK(model.Partner, `query ($filter: CaseFilter) {cases(filter: $filter) {totalCount nodes {
		id number status origin version dueAt overdue openedAt customer {displayName country lifetimeValue} response {id score category contactRequested respondedAt}
		assignee {id name} assignedBy {id} notes {totalCount}}}}`,
		vars{"filter": vars{"status": []string{"OPEN"}, "response": vars{"category": []string{"DETRACTOR"}}}})
	c, kept := found.At("cases.nodes.0"), at.Truncate(time.Microsecond)
	for path, want := range map[string]any{
		"origin": "RULE", "version": 2.0, "dueAt": kept.Add(48 * time.Hour).Format(time.RFC3339Nano), "customer.displayName": "Ana Souza", "customer.country": "BR",
		"customer.lifetimeValue": "1234.5", "response.id": response, "response.score": 2.0, "response.category": "DETRACTOR",
		"response.contactRequested": true, "response.respondedAt": kept.Format(time.RFC3339Nano),
		"assignee.id": s.Users[model.Agent], "assignedBy": nil, "notes.totalCount": 0.0,
	} {
		if have := c.At(path).V; have != want {
			t.Errorf("the new case's %s is %v, not %v", path, have, want)
		}
	}
	if n := found.Number("cases.totalCount"); n != 1 {
		t.Fatalf("%d cases, not 1", n)
	}

	id := c.Text("id")
	assigned := s.OK(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {version assignee {id}} event {cursor type previousAssignee {id} assignee {id} note {body} actor {id}}}}`,
		vars{"input": vars{"caseId": id, "assigneeId": s.Users[model.Manager], "note": "You know her.", "expectedVersion": 2}})
	if e := assigned.At("assignCase.event"); e.Text("cursor") == "" || e.Text("previousAssignee.id") != s.Users[model.Agent] ||
		e.Text("assignee.id") != s.Users[model.Manager] || e.Text("note.body") != "You know her." || e.Text("actor.id") != s.Users[model.Agent] {
		t.Errorf("the assignment says %v", e.V)
	}
	const status = `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {version status firstFollowUpAt closedAt reopenCount}
		event {previousStatus status note {body author {id}} snapshot {version status closedAt}}}}`
	s.OK(model.Manager, status, vars{"input": vars{"caseId": id, "status": "IN_PROGRESS", "note": "Called her."}})
	closed := s.OK(model.Manager, status, vars{"input": vars{"caseId": id, "status": "CLOSED", "note": "She stays.", "expectedVersion": 4}}).At("updateCaseStatus")
	if closed.Missing("case.firstFollowUpAt") || closed.Missing("case.closedAt") || closed.Number("case.version") != 5 || closed.Text("event.snapshot.status") != "CLOSED" ||
		closed.Text("event.previousStatus") != "IN_PROGRESS" || closed.Text("event.note.body") != "She stays." || closed.Text("event.note.author.id") != s.Users[model.Manager] {
		t.Errorf("closing says %v", closed.V)
	}
	reopened := s.OK(model.Agent, status, vars{"input": vars{"caseId": id, "status": "OPEN", "note": "She wrote again."}}).At("updateCaseStatus.case")
	if !reopened.Missing("closedAt") || reopened.Number("reopenCount") != 1 || reopened.Missing("firstFollowUpAt") {
		t.Errorf("reopening says %v", reopened.V)
	}
	s.ChangeStatus(id, model.Closed)

	whole := s.OK(model.Stakeholder, `query ($id: ID!) {node(id: $id) {... on Case {rules {id} timeSinceOpen
		notes {nodes {body}} history {nodes {type note {body} snapshot {version}}}}} caseSummary {open inProgress closed total overdue}}`, vars{"id": id})
	var history, notes []string
	for i, e := range whole.List("node.history.nodes") {
		history = append(history, e.Text("type"))
		if e.Number("snapshot.version") != i+1 {
			t.Errorf("entry %d of the history is of version %d", i+1, e.Number("snapshot.version"))
		}
	}
	for _, n := range whole.List("node.notes.nodes") {
		notes = append(notes, n.Text("body"))
	}
	if got := strings.Join(history, " "); got != "OPENED ASSIGNED ASSIGNED STATUS_CHANGED STATUS_CHANGED STATUS_CHANGED STATUS_CHANGED" {
		t.Errorf("the history is %s", got)
	}
	if got := strings.Join(notes, " "); got != "You know her. Called her. She stays. She wrote again. So it is." {
		t.Errorf("the notes are %s", got)
	}
	if whole.Text("node.rules.0.id") != rule || whole.Number("caseSummary.closed") != 1 || whole.Number("caseSummary.total") != 1 || whole.Number("caseSummary.overdue") != 0 {
		t.Errorf("in the end: %v", whole.V)
	}
}

func TestSubmitResponse(t *testing.T) {
	t.Parallel()
	t.Run("makes one case of fifty equal responses at once", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		answers := make([]*setup.Answer, 50)
		var all sync.WaitGroup
		begin := make(chan struct{})
		for i := range answers {
			all.Go(func() {
				<-begin
				answers[i] = s.Do(model.Admin, `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {created response {id} case {id}}}`,
					vars{"input": vars{"externalId": "same", "score": 1, "customer": vars{"externalId": "her"}}})
			})
		}
		close(begin)
		all.Wait()
		created := 0
		for _, a := range answers {
			one, first := a.At("submitResponse"), answers[0].At("submitResponse")
			if len(a.Errors) > 0 || one.Text("response.id") == "" || one.Text("case.id") == "" ||
				one.Text("response.id") != first.Text("response.id") || one.Text("case.id") != first.Text("case.id") {
				t.Errorf("one of fifty got %s", a.Body)
			}
			if one.Bool("created") {
				created++
			}
		}
		for table, want := range map[string]int{"responses": 1, "customers": 1, "cases": 1, "case_events": 1, "response_rules": 1} {
			if n := s.Count(table); n != want {
				t.Errorf("%d %s, not %d", n, table, want)
			}
		}
		if created != 1 {
			t.Errorf("%d of fifty calls report that they created the response, want one", created)
		}
	})

	t.Run("answers mistakes with a code and the path of the argument", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		response, opened := s.Submit(nil)
		const (
			assign = `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`
			status = `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`
			open   = `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id}}}`
			rule   = `mutation ($input: CreateRuleInput!) {createRule(input: $input) {rule {id}}}`
			user   = `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`
			list   = `query ($input: CaseFilter) {cases(filter: $input) {nodes {id}}}`
		)
		unknown := "cas_" + strings.Repeat("0", 32)
		for _, c := range []struct {
			query          string
			input          any
			code, argument string
		}{
			{setup.SubmitResponse, vars{"score": 11, "customer": vars{}}, "BAD_USER_INPUT", "input.score"},
			{setup.SubmitResponse, vars{"score": 1 << 40, "customer": vars{}}, "BAD_USER_INPUT", "input.score"},
			{setup.SubmitResponse, vars{"score": 1, "customer": vars{"country": "Narnia"}}, "BAD_USER_INPUT", "input.customer.country"},
			{setup.SubmitResponse, vars{"score": 1, "customer": vars{"email": "at home"}}, "BAD_USER_INPUT", "input.customer.email"},
			{setup.SubmitResponse, vars{"score": 1, "customer": vars{"lifetimeValue": "much"}}, "BAD_USER_INPUT", "input.customer.lifetimeValue"},
			{setup.SubmitResponse, vars{"score": 1, "customer": vars{}, "respondedAt": "2999-01-01T00:00:00Z"}, "BAD_USER_INPUT", "input.respondedAt"},
			{setup.SubmitResponse, vars{"score": 1, "customer": vars{}, "externalId": " "}, "BAD_USER_INPUT", "input.externalId"},
			{setup.SubmitResponse, vars{"score": 1, "customer": vars{}, "comment": "nul \x00"}, "BAD_USER_INPUT", "input.comment"},
			{assign, vars{"caseId": opened, "assigneeId": s.Users[model.Partner]}, "BAD_USER_INPUT", "input.assigneeId"},
			{assign, vars{"caseId": unknown}, "NOT_FOUND", "input.caseId"},
			{assign, vars{"caseId": response}, "BAD_USER_INPUT", "input.caseId"},
			{status, vars{"caseId": opened, "status": "CLOSED", "note": " \n"}, "BAD_USER_INPUT", "input.note"},
			{status, vars{"caseId": opened, "status": "OPEN", "note": "x"}, "CONFLICT", "input.status"},
			{status, vars{"caseId": opened, "status": "CLOSED", "note": "x", "expectedVersion": 7}, "CONFLICT", "input.expectedVersion"},
			{open, vars{"subject": vars{"responseId": response}, "note": "x"}, "CONFLICT", "input.subject.responseId"},
			{open, vars{"note": "x"}, "BAD_USER_INPUT", "input.subject"},
			{open, vars{"subject": vars{}, "note": "x"}, "BAD_USER_INPUT", "input.subject"},
			{rule, vars{"name": "x", "filter": vars{}}, "BAD_USER_INPUT", "input.filter"},
			{rule, vars{"name": "x", "notify": []vars{{"kind": "CENTRAL"}, {"kind": "ADDRESS"}}}, "BAD_USER_INPUT", "input.notify[1].address"},
			{rule, vars{"name": "x", "followUpTarget": "P1M"}, "BAD_USER_INPUT", "input.followUpTarget"},
			{user, vars{"name": "x", "email": "AGENT@example.com", "role": "AGENT"}, "CONFLICT", "input.email"},
			{list, vars{"response": vars{"score": vars{"eq": nil}}}, "BAD_USER_INPUT", "filter.response.score.eq"},
			{list, vars{"and": []vars{{}, {"customer": vars{"id": []string{opened}}}}}, "BAD_USER_INPUT", "filter.and[1].customer.id[0]"},
			{`query {cases(first: 101) {nodes {id}}}`, nil, "BAD_USER_INPUT", "first"},
			{`query {cases(first: 1, last: 1) {nodes {id}}}`, nil, "BAD_USER_INPUT", "last"},
			{`query {cases(after: "elsewhere") {nodes {id}}}`, nil, "BAD_USER_INPUT", "after"},
			{`query {node(id: "7") {id}}`, nil, "BAD_USER_INPUT", "id"},
		} {
			a := s.Do(model.Admin, c.query, vars{"input": c.input})
			if a.Code() != c.code || a.Errors[0].Argument() != c.argument || a.Errors[0].Message == "" {
				t.Errorf("%s with %v: want %s at %s, got %s", c.query, c.input, c.code, c.argument, a.Body)
			}
		}
		if a := s.Do(model.Admin, open, vars{"input": vars{"subject": vars{"responseId": response}, "note": "x"}}); !strings.Contains(a.Errors[0].Message, "case 1 ") {
			t.Errorf("a second case for a response is refused without the first one's number: %s", a.Body)
		}
		if n := s.Count("responses"); n != 1 {
			t.Errorf("%d responses, not 1", n)
		}
	})
}
