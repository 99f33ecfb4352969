package webhook_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/internal/worktest"
)

func TestTry(t *testing.T) {
	t.Parallel()
	t.Run("signs with both secrets for a day after a rotation", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := newReceiver(t, nil)
		h := w.hook(r)
		old, err := standardwebhooks.NewWebhook(h.Secret)
		w.must(err)
		rotated, err := w.subscriptions.RotateSecret(t.Context(), w.Admin, webhook.RotateWebhookSecretInput{WebhookID: h.ID})
		w.must(err)
		fresh, err := standardwebhooks.NewWebhook(rotated.Secret)
		w.must(err)
		r.trust(rotated.Secret)
		w.run(w.DB, w.Log)
		verifies := func(v *standardwebhooks.Webhook, p post) bool {
			return v.VerifyIgnoringTimestamp(p.body, p.header) == nil
		}
		w.open("DE")
		p := r.await(1)[0]
		if strings.Count(p.signature, "v1,") != 2 || !verifies(old, p) || !verifies(fresh, p) {
			t.Errorf("within the day the signature is %q", p.signature)
		}
		w.Later(day)
		w.open("DE")
		p = r.await(2)[1]
		if strings.Count(p.signature, "v1,") != 1 || verifies(old, p) || !verifies(fresh, p) {
			t.Errorf("after the day the signature is %q", p.signature)
		}
		for range 9 {
			_, err = w.subscriptions.RotateSecret(t.Context(), w.Admin, webhook.RotateWebhookSecretInput{WebhookID: h.ID})
			w.must(err)
		}
		_, err = w.subscriptions.RotateSecret(t.Context(), w.Admin, webhook.RotateWebhookSecretInput{WebhookID: h.ID})
		worktest.Refused(t, "the tenth rotation of a day", err, fault.CodeConflict, "input.webhookId")
	})

	t.Run("builds the body from the log, and stores none", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := newReceiver(t, nil)
		h := w.hook(r)
		w.run(w.DB, w.Log)
		w.open("DE")
		w.delivered(h, 1)
		var stored string
		w.must(w.DB.Gorm.Raw("SELECT string_agg(to_jsonb(d)::text, '') FROM webhook_deliveries d").Scan(&stored).Error)
		if stored == "" || strings.Contains(stored, "Ana") || strings.Contains(stored, "Nobody called") || strings.Contains(stored, h.Secret) {
			t.Errorf("a delivery stores %s", stored)
		}
		w.must(w.DB.Gorm.Exec(`UPDATE case_events SET snapshot = jsonb_set(snapshot, '{customer,firstName}', '"Erased"')`).Error)
		w.redeliver(w.deliveries(h)[0].ID)
		p := r.await(2)[1]
		if name := p.data(t).Snapshot.CustomerName; name != "Erased" {
			t.Errorf("the redelivered body names %q, want the name in the log", name)
		}
		if strings.Contains(string(p.body), "a secret of ours") || strings.Contains(string(p.body), "They called") {
			t.Errorf("a note's text was posted: %s", p.body)
		}
	})

	t.Run("follows no redirect", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		elsewhere := newReceiver(t, nil)
		r := newReceiver(t, func(_ post, out http.ResponseWriter, in *http.Request) {
			http.Redirect(out, in, elsewhere.URL, http.StatusTemporaryRedirect)
		})
		h := w.hook(r)
		w.run(w.DB, w.Log)
		w.open("DE")
		w.until("the delivery failed", "SELECT count(*) = 1 FROM webhook_deliveries WHERE webhook_id = ? AND response_status = 307 AND last_error LIKE '%307%'", h.ID)
		if n := len(elsewhere.all()); n > 0 {
			t.Error("the redirect was followed")
		}
	})

	// The address of a name is checked when it is dialled, because it may be private although it was public when the webhook
	// was created.
	t.Run("opens no connection to a private address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var connections atomic.Int64
		inside := httptest.NewUnstartedServer(http.NotFoundHandler())
		inside.Config.ConnState = func(net.Conn, http.ConnState) { connections.Add(1) }
		inside.StartTLS()
		t.Cleanup(inside.Close)
		r := newReceiver(t, nil)
		port := host(t, inside.URL)[strings.LastIndexByte(host(t, inside.URL), ':'):]
		for _, address := range []string{"https://localhost" + port, "https://127.0.0.1" + port + "/", "https://0.0.0.0" + port, "https://[::ffff:127.0.0.1]" + port, "https://[fe80::1%25lo]" + port, "http://192.0.2.1"} {
			h := w.hook(r)
			w.must(w.DB.Gorm.Exec("UPDATE webhooks SET url = ? WHERE id = ?", address, h.ID).Error)
		}
		w.run(w.DB, w.Log, func(o *webhook.Options) {
			o.Addresses = webhook.Addresses{}
			o.Roots = inside.Client().Transport.(*http.Transport).TLSClientConfig
		})
		w.open("DE")
		w.until("all deliveries failed", "SELECT count(*) = 6 AND bool_and(attempts > 0 AND response_status IS NULL) AND count(*) FILTER (WHERE last_error LIKE '%private%') = 5 AND count(*) FILTER (WHERE last_error LIKE '%https://%') = 1 FROM webhook_deliveries")
		if n := connections.Load(); n > 0 {
			t.Errorf("%d connections were made, want none", n)
		}
	})
}
