package main

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

func TestAMutationSentAgainWithItsKeyAnswersWordForWord(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	response, opened := s.submitted(nil)
	_, other := s.submitted(nil)
	customer := s.ok(model.Agent, `query ($id: ID!) {node(id: $id) {... on Response {customer {id}}}}`, vars{"id": response}).text("node.customer.id")
	const event = `event {id type cursor at matches note {id body} actor {id} snapshot {version status}}`
	outreach := vars{"channel": "PHONE", "outcome": "REACHED"}
	for name, call := range map[string]struct {
		query string
		input vars
	}{
		"submitResponse": {`mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {created response {id score} case {id number}}}`,
			vars{"score": 2, "customer": vars{"firstName": "Bo"}}},
		"openCase": {`mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id number} ` + event + `}}`,
			vars{"customerId": customer, "note": "They called."}},
		"addNote": {`mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id body createdAt author {id}} case {id}}}`,
			vars{"caseId": opened, "body": "Called."}},
		"recordOutreach": {`mutation ($input: RecordOutreachInput!) {recordOutreach(input: $input) {case {id} ` + event + `}}`,
			vars{"caseId": opened, "outreach": outreach, "note": "Rang."}},
		"recordOutreaches": {`mutation ($input: RecordOutreachesInput!) {recordOutreaches(input: $input) {cases {id}}}`,
			vars{"caseIds": []string{other, opened}, "outreach": outreach, "note": "Rang all."}},
		"recordReply": {`mutation ($input: RecordReplyInput!) {recordReply(input: $input) {case {id} ` + event + `}}`,
			vars{"caseId": opened, "improvement": "Be on time."}},
	} {
		call.input["idempotencyKey"] = name
		first := s.ok(model.Admin, call.query, vars{"input": call.input})
		s.note(opened, "Between the two.")
		events := s.count("case_events")
		if again := s.ok(model.Admin, call.query, vars{"input": call.input}); again.body != first.body {
			t.Errorf("%s answers\n%s\nand then\n%s", name, first.body, again.body)
		}
		if n := s.count("case_events"); n != events {
			t.Errorf("%s wrote %d events more", name, n-events)
		}
		if name != "submitResponse" {
			call.input["note"], call.input["body"] = "Otherwise.", "Otherwise."
			delete(call.input, map[bool]string{true: "note", false: "body"}[name == "addNote"])
			if a := s.gql(model.Admin, call.query, vars{"input": call.input}); a.code() != "BAD_USER_INPUT" || a.errors[0].argument() != "input.idempotencyKey" {
				t.Errorf("%s with another input: %s", name, a.body)
			}
		}
	}
}

func TestAMailThatFailedIsFoundAndSentAgain(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	server.listen()
	s := newServer(t, settings{smtpURL: server.url})
	active := func(yes bool) {
		s.ok(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {active}}}`, vars{"input": vars{"id": s.users[model.Stakeholder], "active": yes}})
	}
	active(false)
	s.addRule(vars{"notify": []vars{{"kind": "ADDRESS", "address": "Stakeholder@example.com"}}})
	_, opened := s.submitted(vars{"comment": "The seat was broken."})
	s.log.await(t, "mail given up")
	// The log is written a moment before the row.
	const list = `query ($filter: NotificationFilter) {notifications(filter: $filter) {totalCount nodes {id to attempts lastError case {id}}}}`
	filter := vars{"filter": vars{"status": []string{"FAILED"}, "to": vars{"eq": "stakeholder@EXAMPLE.com"}, "case": []string{opened}, "kind": []string{"NEW_RESPONSE"}}}
	var failed tree
	for began := time.Now(); failed.v == nil; {
		if time.Since(began) > patience {
			t.Fatal("no mail counts as failed")
		}
		failed = s.ok(model.Agent, list, filter).at("notifications.nodes.0")
	}
	if !strings.Contains(failed.text("lastError"), "not active") || failed.text("case.id") != opened {
		t.Errorf("%v", failed.v)
	}
	active(true)
	const retry = `mutation ($input: RetryNotificationInput!) {retryNotification(input: $input) {notification {id status attempts}}}`
	input := vars{"input": vars{"id": failed.text("id")}}
	again := s.ok(model.Manager, retry, input).at("retryNotification.notification")
	if again.text("id") != failed.text("id") || again.text("status") != "QUEUED" || again.number("attempts") != 0 {
		t.Errorf("%v", again.v)
	}
	if got := server.await(1)[0]; got.to != "Stakeholder@example.com" || !strings.Contains(got.body, "The seat was broken.") {
		t.Errorf("%+v", got)
	}
	if a := s.gql(model.Manager, retry, input); a.code() != "CONFLICT" || a.errors[0].argument() != "input.id" {
		t.Errorf("a mail that has gone out: %s", a.body)
	}
}
