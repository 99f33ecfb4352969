package mail

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestRetryNotification(t *testing.T) {
	t.Parallel()
	server := setup.NewMailServer(t)
	server.Listen()
	s := setup.NewServer(t, setup.Options{SMTPURL: server.URL})
	active := func(yes bool) {
		s.OK(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {active}}}`, vars{"input": vars{"userId": s.Users[model.Stakeholder], "active": yes}})
	}
	active(false)
	s.AddRule(vars{"notify": []vars{{"kind": "ADDRESS", "address": "Stakeholder@example.com"}}})
	_, opened := s.Submit(vars{"comment": "The seat was broken."})
	s.Log.Await(t, "mail given up")
	// The log line is written a moment before the row.
	const list = `query ($filter: NotificationFilter) {notifications(filter: $filter) {totalCount nodes {id to attempts lastError case {id}}}}`
	filter := vars{"filter": vars{"status": []string{"FAILED"}, "to": vars{"eq": "stakeholder@EXAMPLE.com"}, "case": []string{opened}, "kind": []string{"NEW_RESPONSE"}}}
	var failed setup.Tree
	for began := time.Now(); failed.V == nil; {
		if time.Since(began) > setup.Patience {
			t.Fatal("no mail counts as failed")
		}
		failed = s.OK(model.Agent, list, filter).At("notifications.nodes.0")
	}
	if !strings.Contains(failed.Text("lastError"), "not active") || failed.Text("case.id") != opened {
		t.Errorf("%v", failed.V)
	}
	active(true)
	const retry = `mutation ($input: RetryNotificationInput!) {retryNotification(input: $input) {notification {id status attempts}}}`
	input := vars{"input": vars{"notificationId": failed.Text("id")}}
	again := s.OK(model.Manager, retry, input).At("retryNotification.notification")
	if again.Text("id") != failed.Text("id") || again.Text("status") != "QUEUED" || again.Number("attempts") != 0 {
		t.Errorf("%v", again.V)
	}
	if got := server.Await(1)[0]; got.To != "Stakeholder@example.com" || !strings.Contains(got.Body, "The seat was broken.") {
		t.Errorf("%+v", got)
	}
	if a := s.Do(model.Manager, retry, input); a.Code() != "CONFLICT" || a.Errors[0].Argument() != "input.notificationId" {
		t.Errorf("a mail that has gone out: %s", a.Body)
	}
}
