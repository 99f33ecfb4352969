package mail

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestMail(t *testing.T) {
	t.Parallel()
	server := setup.NewMailServer(t)
	s := setup.NewServer(t, setup.Options{SMTPURL: server.URL})
	s.OK(model.Admin, `mutation {updateSettings(input: {centralAddresses: ["central@example.com"]}) {settings {currency}}}`, nil)
	s.AddRule(vars{"name": "Close the loop", "assignment": vars{"strategy": "USER", "userId": s.Users[model.Agent]}, "notify": []vars{
		{"kind": "ADDRESS", "address": "desk@example.com"}, {"kind": "CENTRAL"}, {"kind": "ASSIGNEE"}, {"kind": "ACCOUNT_MANAGER"},
	}})
	const secret = "Do not tell her that we knew."
	_, opened := s.Submit(vars{"score": 1, "comment": "The seat was broken.", "customer": vars{
		"firstName": "Ana", "lastName": "Souza", "email": "ana@example.org", "accountManagerEmail": "DESK@example.com"}})
	s.Log.Await(t, "mail not sent yet")
	before := s.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {notifications {kind to status}}}}`, vars{"id": opened})
	for _, n := range before.List("node.notifications") {
		if n.Text("status") != "QUEUED" {
			t.Errorf("with the mail server down, a mail is %v", n.V)
		}
	}

	server.Listen()
	s.AddNote(opened, secret)
	s.OK(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`,
		vars{"input": vars{"caseId": opened, "assigneeId": s.Users[model.Manager], "note": secret}})
	s.OK(model.Manager, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
		vars{"input": vars{"caseId": opened, "status": "CLOSED", "note": secret}})
	response, _ := s.Submit(vars{"score": 9, "customer": vars{"firstName": "Bo"}})
	s.OK(model.Manager, `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id}}}`,
		vars{"input": vars{"subject": vars{"responseId": response}, "note": secret, "assigneeId": s.Users[model.Admin]}})

	mails := server.Await(6)
	var to []string
	for _, m := range mails {
		to = append(to, m.To)
		if strings.Contains(m.Subject+m.Body, "knew") {
			t.Errorf("a note is in the mail to %s: %s\n%s", m.To, m.Subject, m.Body)
		}
		if !strings.Contains(m.Body, "http://127.0.0.1:8080/") {
			t.Errorf("the mail to %s leads nowhere:\n%s", m.To, m.Body)
		}
		if m.To == "desk@example.com" && (!strings.Contains(m.Body, "The seat was broken.") || !strings.Contains(m.Body, "Ana Souza")) {
			t.Errorf("the alert does not say what happened:\n%s", m.Body)
		}
	}
	slices.Sort(to)
	// Each address gets one mail for the response, and each assignee one mail for each assignment.
	want := []string{"admin@example.com", "agent@example.com", "agent@example.com", "central@example.com", "desk@example.com", "manager@example.com"}
	if !slices.Equal(to, want) {
		t.Errorf("mails went to %v, not to %v", to, want)
	}
	if n := s.Count("notifications"); n != len(want) {
		t.Errorf("%d notifications for %d mails", n, len(want))
	}
	// The status is written a moment after the mail server has accepted the mail.
	for began, sent := time.Now(), 0; sent < len(want); {
		sent = 0
		for _, c := range s.OK(model.Agent, `{cases {nodes {notifications {status attempts sentAt}}}}`, nil).List("cases.nodes") {
			for _, n := range c.List("notifications") {
				if n.Text("status") == "SENT" && n.Number("attempts") > 0 && !n.Missing("sentAt") {
					sent++
				}
			}
		}
		if time.Since(began) > setup.Patience {
			t.Fatalf("%d of %d mails count as sent", sent, len(want))
		}
	}
}
