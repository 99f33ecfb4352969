package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

func (w *things) freshWebhook() string {
	return w.webhook("https://hooks.example.com/x", "OPENED").text("webhook.id")
}

// freshDelivery is one that has ended, of the first event of the things' case.
func (w *things) freshDelivery() string {
	hook := w.freshWebhook()
	id := model.DeliveryID{UUID: model.NewUUID()}
	parsed, err := model.ParseID(hook)
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.app.DB.Pool.Exec(w.t.Context(), `INSERT INTO webhook_deliveries (id, webhook_id, event_id, case_id, position, status, attempts, created_at)
		SELECT $1, $2, id, case_id, 1, 'FAILED', 1, now() FROM case_events WHERE version = 1 ORDER BY seq LIMIT 1`, id.UUID, parsed.(model.WebhookID).UUID)
	if err != nil {
		w.t.Fatal(err)
	}
	return id.String()
}

// webhook makes one and gives the payload.
func (s *testServer) webhook(url string, types ...string) tree {
	s.t.Helper()
	return s.ok(model.Admin, `mutation ($input: CreateWebhookInput!) {createWebhook(input: $input) {secret webhook {id url owner {id} events filter enabled failingSince disabledReason}}}`,
		vars{"input": vars{"url": url, "events": types}}).at("createWebhook")
}

const deliveries = `query ($id: ID!) {node(id: $id) {... on Webhook {enabled deliveries(first: 10) {totalCount pageInfo {hasNextPage}
	nodes {id status attempts responseStatus lastError nextAttemptAt deliveredAt event {id type case {number}}}}}}}`

// posted waits until so many of a webhook's deliveries have ended, and gives them.
func (s *testServer) posted(webhook string, n int) []tree {
	s.t.Helper()
	id, err := model.ParseID(webhook)
	if err != nil {
		s.t.Fatal(err)
	}
	s.wait("SELECT count(*) = $2 FROM webhook_deliveries WHERE webhook_id = $1 AND status <> 'QUEUED'", id.(model.WebhookID).UUID, n)
	return s.ok(model.Admin, deliveries, vars{"id": webhook}).list("node.deliveries.nodes")
}

// wait looks until the database says so.
func (s *testServer) wait(sql string, args ...any) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for done := false; !done; {
		if err := s.app.DB.Pool.QueryRow(ctx, sql, args...).Scan(&done); err != nil {
			s.t.Fatal(err)
		}
	}
}

// The example receiver runs as the process that its documentation says, against the whole program.
func TestTheExampleReceiverPrintsEachEventOnce(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "receiver")
	if out, err := exec.Command("go", "build", "-o", binary, "./docs/examples/receiver").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := newServer(t, settings{hooks: true})
	s.addRule(nil)
	made := s.webhook("http://127.0.0.1:1/nobody-listens", "OPENED", "NOTE_ADDED", "STATUS_CHANGED")
	process := exec.Command(binary, "127.0.0.1:0")
	process.Env = append(os.Environ(), "RECEIVER_SECRET="+made.text("secret"))
	receiver := run(t, process)
	address := strings.TrimPrefix(receiver.await("listening on "), "listening on ")
	hook := made.text("webhook.id")
	s.ok(model.Admin, `mutation ($input: UpdateWebhookInput!) {updateWebhook(input: $input) {webhook {url}}}`, vars{"input": vars{"id": hook, "url": address}})

	_, opened := s.submitted(nil)
	s.note(opened, "Called.")
	s.move(opened, model.Closed)
	list := s.posted(hook, 3)
	for i, want := range []string{"STATUS_CHANGED", "NOTE_ADDED", "OPENED"} { // the newest first
		if d := list[i]; d.text("status") != "DELIVERED" || d.number("attempts") != 1 || d.number("responseStatus") != http.StatusNoContent ||
			d.text("event.type") != want || d.number("event.case.number") != 1 || d.missing("deliveredAt") || !d.missing("nextAttemptAt") {
			t.Errorf("delivery %d is %v", i, d.v)
		}
	}
	again := s.ok(model.Admin, `mutation ($input: RedeliverWebhookInput!) {redeliverWebhook(input: $input) {delivery {status}}}`, vars{"input": vars{"deliveryId": list[2].text("id")}})
	if again.text("redeliverWebhook.delivery.status") != "QUEUED" {
		t.Errorf("sent again by hand: %s", again.body)
	}
	if d := s.posted(hook, 3)[2]; d.number("attempts") != 2 || d.text("status") != "DELIVERED" {
		t.Errorf("sent again by hand it is %v", d.v)
	}
	if printed := strings.Count(receiver.output(), "case 1 of Ana"); printed != 3 {
		t.Errorf("it printed %d lines, not 3:\n%s", printed, receiver.output())
	}
	if answer, err := http.Post(address, "application/json", strings.NewReader(`{}`)); err != nil || answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a signature: %v, %v", answer, err)
	}
}

func TestWebhooksAreRefusedWithThePathOfTheArgument(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const create = `mutation ($input: CreateWebhookInput!) {createWebhook(input: $input) {webhook {id}}}`
	good := func(change vars) vars {
		input := vars{"url": "https://hooks.example.com/x", "events": []string{"OPENED"}}
		for k, v := range change {
			input[k] = v
		}
		return input
	}
	for _, c := range []struct {
		input    vars
		argument string
	}{
		{good(vars{"url": "https://127.0.0.1/"}), "input.url"},
		{good(vars{"url": "http://hooks.example.com/"}), "input.url"},
		{good(vars{"url": "https://me:secret@hooks.example.com/"}), "input.url"},
		{good(vars{"events": []string{}}), "input.events"},
		{good(vars{"filter": vars{}}), "input.filter"},
		{good(vars{"filter": vars{"customer": vars{"search": "Ana"}}}), "input.filter.customer.search"},
		{good(vars{"filter": vars{"and": []vars{{"customer": vars{"country": vars{"eq": nil}}}}}}), "input.filter.and[0].customer.country.eq"},
	} {
		a := s.gql(model.Admin, create, vars{"input": c.input})
		if a.code() != "BAD_USER_INPUT" || a.errors[0].argument() != c.argument || strings.Contains(a.body, "secret@") {
			t.Errorf("%v: want %s, got %s", c.input, c.argument, a.body)
		}
	}
	if n := s.count("webhooks"); n != 0 {
		t.Errorf("%d webhooks were made", n)
	}
}

func TestAWebhookThatDisablesItselfIsToldOfByMailAndSecretsAreNeverShownAgain(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	t.Cleanup(gone.Close)
	mails := newMailServer(t)
	mails.listen()
	s := newServer(t, settings{hooks: true, smtpURL: mails.url})
	s.addRule(nil)
	made := s.webhook(gone.URL+"/a-secret-path", "OPENED")
	s.submitted(nil)
	var mail delivery
	for mail.to != "admin@example.com" { // the rule has mails of its own sent
		select {
		case mail = <-mails.got:
		case <-time.After(patience):
			t.Fatal("no mail came")
		}
	}
	if !strings.HasPrefix(mail.subject, "A webhook was disabled: 127.0.0.1:") || !strings.Contains(mail.body, "410 Gone") || !strings.Contains(mail.body, made.text("webhook.id")) ||
		!strings.Contains(mail.body, "goes on where it stopped") || strings.Contains(mail.body, "a-secret-path") || strings.Contains(mail.body, made.text("secret")) {
		t.Errorf("the mail is %q:\n%s", mail.subject, mail.body)
	}
	all := s.ok(model.Admin, `{webhooks {id url enabled disabledReason failingSince deliveries {nodes {status attempts responseStatus lastError}}}}`, nil)
	w := all.at("webhooks.0")
	if w.truth("enabled") || w.text("disabledReason") == "" || w.missing("failingSince") || w.text("deliveries.nodes.0.status") != "QUEUED" ||
		w.number("deliveries.nodes.0.responseStatus") != http.StatusGone || strings.Contains(all.body, "whsec_") {
		t.Errorf("the webhook is %s", all.body)
	}
}
