package webhook

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

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

const deliveries = `query ($id: ID!) {node(id: $id) {... on Webhook {enabled deliveries(first: 10) {totalCount pageInfo {hasNextPage}
	nodes {id status attempts responseStatus lastError nextAttemptAt deliveredAt event {id type case {number}}}}}}}`

// posted waits until n deliveries of a webhook have ended, and returns them.
func posted(s *setup.Server, webhook string, n int) []setup.Tree {
	s.T.Helper()
	id, err := model.ParseID(webhook)
	if err != nil {
		s.T.Fatal(err)
	}
	wait(s, "SELECT count(*) = $2 FROM webhook_deliveries WHERE webhook_id = $1 AND status <> 'QUEUED'", id.(model.WebhookID).UUID, n)
	return s.OK(model.Admin, deliveries, vars{"id": webhook}).List("node.deliveries.nodes")
}

// wait polls the database until the query is true.
func wait(s *setup.Server, sql string, args ...any) {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), setup.Patience)
	defer cancel()
	for done := false; !done; time.Sleep(10 * time.Millisecond) {
		if err := s.App.DB.Pool.QueryRow(ctx, sql, args...).Scan(&done); err != nil {
			s.T.Fatal(err)
		}
	}
}

// The example receiver runs as its documentation says.
func TestExampleReceiver(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "receiver")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/closeloop/closeloop/docs/examples/receiver").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := setup.NewServer(t, setup.Options{Webhooks: true})
	s.AddRule(nil)
	made := s.AddWebhook("http://127.0.0.1:1/nobody-listens", "OPENED", "NOTE_ADDED", "STATUS_CHANGED")
	process := exec.Command(binary, "127.0.0.1:0")
	process.Env = append(os.Environ(), "RECEIVER_SECRET="+made.Text("secret"))
	receiver := setup.RunProgram(t, process)
	address := strings.TrimPrefix(receiver.Await("listening on "), "listening on ")
	hook := made.Text("webhook.id")
	s.OK(model.Admin, `mutation ($input: UpdateWebhookInput!) {updateWebhook(input: $input) {webhook {url}}}`, vars{"input": vars{"webhookId": hook, "url": address}})

	_, opened := s.Submit(nil)
	s.AddNote(opened, "Called.")
	s.ChangeStatus(opened, model.Closed)
	list := posted(s, hook, 3)
	for i, want := range []string{"STATUS_CHANGED", "NOTE_ADDED", "OPENED"} { // newest first
		if d := list[i]; d.Text("status") != "DELIVERED" || d.Number("attempts") != 1 || d.Number("responseStatus") != http.StatusNoContent ||
			d.Text("event.type") != want || d.Number("event.case.number") != 1 || d.Missing("deliveredAt") || !d.Missing("nextAttemptAt") {
			t.Errorf("delivery %d is %v", i, d.V)
		}
	}
	again := s.OK(model.Admin, `mutation ($input: RedeliverWebhookInput!) {redeliverWebhook(input: $input) {delivery {status}}}`, vars{"input": vars{"deliveryId": list[2].Text("id")}})
	if again.Text("redeliverWebhook.delivery.status") != "QUEUED" {
		t.Errorf("sent again by hand: %s", again.Body)
	}
	if d := posted(s, hook, 3)[2]; d.Number("attempts") != 2 || d.Text("status") != "DELIVERED" {
		t.Errorf("sent again by hand it is %v", d.V)
	}
	if printed := strings.Count(receiver.Output(), "case 1 of Ana"); printed != 3 {
		t.Errorf("it printed %d lines, not 3:\n%s", printed, receiver.Output())
	}
	if answer, err := http.Post(address, "application/json", strings.NewReader(`{}`)); err != nil || answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a signature: %v, %v", answer, err)
	}
}

func TestCreateWebhook(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
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
		a := s.Do(model.Admin, create, vars{"input": c.input})
		if a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != c.argument || strings.Contains(a.Body, "secret@") {
			t.Errorf("%v: want %s, got %s", c.input, c.argument, a.Body)
		}
	}
	if n := s.Count("webhooks"); n != 0 {
		t.Errorf("%d webhooks were made", n)
	}
}

func TestDisabledWebhook(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	t.Cleanup(gone.Close)
	mails := setup.NewMailServer(t)
	mails.Listen()
	s := setup.NewServer(t, setup.Options{Webhooks: true, SMTPURL: mails.URL})
	s.AddRule(nil)
	made := s.AddWebhook(gone.URL+"/a-secret-path", "OPENED")
	s.Submit(nil)
	var mail setup.Mail
	for mail.To != "admin@example.com" { // the rule sends mails too
		select {
		case mail = <-mails.Got:
		case <-time.After(setup.Patience):
			t.Fatal("no mail came")
		}
	}
	if !strings.HasPrefix(mail.Subject, "A webhook was disabled: 127.0.0.1:") || !strings.Contains(mail.Body, "410 Gone") || !strings.Contains(mail.Body, made.Text("webhook.id")) ||
		!strings.Contains(mail.Body, "continues where it stopped") || strings.Contains(mail.Body, "a-secret-path") || strings.Contains(mail.Body, made.Text("secret")) {
		t.Errorf("the mail is %q:\n%s", mail.Subject, mail.Body)
	}
	all := s.OK(model.Admin, `{webhooks {id url enabled disabledReason failingSince deliveries {nodes {status attempts responseStatus lastError}}}}`, nil)
	w := all.At("webhooks.0")
	if w.Bool("enabled") || w.Text("disabledReason") == "" || w.Missing("failingSince") || w.Text("deliveries.nodes.0.status") != "QUEUED" ||
		w.Number("deliveries.nodes.0.responseStatus") != http.StatusGone || strings.Contains(all.Body, "whsec_") {
		t.Errorf("the webhook is %s", all.Body)
	}
}
