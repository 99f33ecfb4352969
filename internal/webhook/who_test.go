package webhook_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/model"
)

func (p post) data(t *testing.T) (data struct {
	Type     model.CaseEventType
	Matches  bool
	Snapshot struct{ CustomerName, Comment, Country string }
}) {
	t.Helper()
	var whole struct{ Data json.RawMessage }
	if err := json.Unmarshal(p.body, &whole); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(whole.Data, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

func (w *world) country(c *model.Case, to string) {
	w.t.Helper()
	_, err := customer.New(w.work).Update(w.t.Context(), w.admin, customer.UpdateCustomerInput{ID: c.CustomerID, Country: graphql.OmittableOf(&to)})
	w.must(err)
}

func TestAWebhookStartsNowAndGetsWhatItsTypesAndFilterAskFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.open("DE")
	r := newReceiver(t, nil)
	h := w.hook(r, func(in *webhook.CreateWebhookInput) {
		in.Filter = w.where(`{"customer": {"country": {"eq": "de"}}}`)
		in.Events = []model.CaseEventType{model.EventNoteAdded, model.EventDetailsChanged, model.EventNoteAdded}
	})
	w.run(w.db, w.log)
	w.note(old)
	w.note(w.open("FR")) // never matches
	w.country(old, "FR") // leaves
	w.note(old)          // is gone
	w.country(old, "DE") // comes back
	w.note(w.open("DE")) // OPENED is not asked for
	w.delivered(h, 4)
	var have []string
	for _, p := range r.all() {
		d := p.data(t)
		have = append(have, string(d.Type), d.Snapshot.Country, map[bool]string{true: "in", false: "left"}[d.Matches])
	}
	// The last is another case's: it may come earlier.
	if got := strings.Join(have, " "); strings.Count(got, "NOTE_ADDED DE in") != 2 || strings.Count(got, "DETAILS_CHANGED FR left") != 1 ||
		strings.Count(got, "DETAILS_CHANGED DE in") != 1 || len(r.all()) != 4 {
		t.Errorf("%s came", got)
	}
	w.update(webhook.UpdateWebhookInput{ID: h.ID, Filter: graphql.OmittableOf(w.where(`{"customer": {"country": {"eq": "FR"}}}`)), Events: graphql.OmittableOf([]model.CaseEventType{model.EventOpened})})
	w.note(old)
	w.open("DE")
	c := w.open("FR")
	w.delivered(h, 5)
	same(t, "after the change", r.kept(c), w.events(c)[:1])
}

func TestThatACustomerWasErasedPassesEveryFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	c := w.open("DE")
	h := w.hook(r, func(in *webhook.CreateWebhookInput) { in.Filter = w.where(`{"customer": {"company": {"eq": "ACME"}}}`) })
	w.note(c) // does not match
	_, err := privacy.New(w.db, w.work).EraseCustomer(t.Context(), w.admin, privacy.EraseCustomerInput{CustomerID: c.CustomerID})
	w.must(err)
	w.run(w.db, w.log)
	w.delivered(h, 1)
	same(t, "the erased customer's case", r.kept(c), w.events(c)[2:])
}

func TestAWebhookWhoseOwnerIsMadeInactiveIsDisabledAndTheOthersAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.user("other@care.example", model.Admin)
	r := newReceiver(t, nil)
	h := w.hook(r)
	_, err := user.New(w.db, w.work, w.log, w.now).Update(t.Context(), w.admin, user.UpdateUserInput{ID: w.admin.User.ID, Active: graphql.OmittableOf(new(false))})
	w.must(err)
	w.open("DE")
	w.run(w.db, w.log)
	w.until("the webhook is disabled", "SELECT NOT enabled AND disabled_reason LIKE '%owner%' FROM webhooks WHERE id = ?", h.ID)
	w.until("the other is told", `SELECT count(*) = 1 AND bool_and("to" = ?) FROM notifications WHERE kind = 'WEBHOOK_DISABLED'`, other.Email)
	if n := len(r.all()); n != 0 {
		t.Errorf("%d posts of what nobody may see", n)
	}
}

func TestTheOwnersScopeBoundsWhatIsPostedThenAndNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	h := w.hook(r)
	w.must(w.db.Gorm.Exec(`UPDATE users SET role = 'PARTNER', personal_data_hidden = true, scope_customer = '{"country": {"eq": "GB"}}' WHERE id = ?`, w.admin.User.ID).Error)
	in, out, leaves := w.open("GB"), w.open("DE"), w.open("GB")
	w.note(leaves)
	w.country(leaves, "DE") // before anything is posted
	w.note(out)
	w.note(in)
	w.run(w.db, w.log)
	w.until("what may be seen is delivered", "SELECT count(*) = 2 FROM webhook_deliveries WHERE webhook_id = ? AND status = 'DELIVERED'", h.ID)
	w.until("the rest is withheld", "SELECT count(*) = 2 FROM webhook_deliveries WHERE webhook_id = ? AND status = 'FAILED' AND attempts = 0 AND last_error LIKE '%may not see%'", h.ID)
	same(t, "the case in scope", r.kept(in), w.events(in))
	for _, p := range r.all() {
		if p.caseID != in.ID.String() {
			t.Errorf("a case outside the scope was posted: %s", p.body)
		}
		for _, hidden := range []string{"Ana", "ana-", "Nobody called"} {
			if strings.Contains(string(p.body), hidden) {
				t.Errorf("personal data was posted: %s", p.body)
			}
		}
	}
}

func TestBothSecretsSignForADayAfterARotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	h := w.hook(r)
	old, err := standardwebhooks.NewWebhook(h.Secret)
	w.must(err)
	rotated, err := w.subscriptions.RotateSecret(t.Context(), w.admin, webhook.RotateWebhookSecretInput{ID: h.ID})
	w.must(err)
	fresh, err := standardwebhooks.NewWebhook(rotated.Secret)
	w.must(err)
	r.trust(rotated.Secret)
	w.run(w.db, w.log)
	proves := func(v *standardwebhooks.Webhook, p post) bool {
		return v.VerifyIgnoringTimestamp(p.body, p.header) == nil
	}
	w.open("DE")
	p := r.await(1)[0]
	if strings.Count(p.signature, "v1,") != 2 || !proves(old, p) || !proves(fresh, p) {
		t.Errorf("within the day the signature is %q", p.signature)
	}
	w.later(day)
	w.open("DE")
	p = r.await(2)[1]
	if strings.Count(p.signature, "v1,") != 1 || proves(old, p) || !proves(fresh, p) {
		t.Errorf("after the day the signature is %q", p.signature)
	}
	for range 9 {
		_, err = w.subscriptions.RotateSecret(t.Context(), w.admin, webhook.RotateWebhookSecretInput{ID: h.ID})
		w.must(err)
	}
	_, err = w.subscriptions.RotateSecret(t.Context(), w.admin, webhook.RotateWebhookSecretInput{ID: h.ID})
	if !isFault(err, fault.CodeConflict, "input.id") {
		t.Errorf("the tenth rotation of a day: %v", err)
	}
}

func TestWhatIsPostedIsMadeOfTheLogAnewAndNothingOfItIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	h := w.hook(r)
	w.run(w.db, w.log)
	w.open("DE")
	w.delivered(h, 1)
	var kept string
	w.must(w.db.Gorm.Raw("SELECT string_agg(to_jsonb(d)::text, '') FROM webhook_deliveries d").Scan(&kept).Error)
	if kept == "" || strings.Contains(kept, "Ana") || strings.Contains(kept, "Nobody called") || strings.Contains(kept, h.Secret) {
		t.Errorf("a delivery keeps %s", kept)
	}
	w.must(w.db.Gorm.Exec(`UPDATE case_events SET snapshot = jsonb_set(snapshot, '{customer,firstName}', '"Erased"')`).Error)
	w.redeliver(w.deliveries(h)[0].ID)
	p := r.await(2)[1]
	if name := p.data(t).Snapshot.CustomerName; name != "Erased" {
		t.Errorf("posted again, it is of %q", name)
	}
	if strings.Contains(string(p.body), "of whom nobody shall read") || strings.Contains(string(p.body), "They called") {
		t.Errorf("a note's text was posted: %s", p.body)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := newReceiver(t, nil)
	r := newReceiver(t, func(_ post, out http.ResponseWriter, in *http.Request) {
		http.Redirect(out, in, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	h := w.hook(r)
	w.run(w.db, w.log)
	w.open("DE")
	w.until("it failed", "SELECT count(*) = 1 FROM webhook_deliveries WHERE webhook_id = ? AND response_status = 307 AND last_error LIKE '%307%'", h.ID)
	if n := len(elsewhere.all()); n > 0 {
		t.Error("the redirect was followed")
	}
}

// What a name stands for is looked at when it is dialled: that the webhook was accepted, as one whose name stood for a
// public address then, is no way in.
func TestAPrivateAddressIsNotEvenConnectedTo(t *testing.T) {
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
		w.must(w.db.Gorm.Exec("UPDATE webhooks SET url = ? WHERE id = ?", address, h.ID).Error)
	}
	w.run(w.db, w.log, func(o *webhook.Options) {
		o.Policy = egress.Policy{}
		o.Roots = inside.Client().Transport.(*http.Transport).TLSClientConfig
	})
	w.open("DE")
	w.until("all failed", "SELECT count(*) = 6 AND bool_and(attempts > 0 AND response_status IS NULL) AND count(*) FILTER (WHERE last_error LIKE '%private%') = 5 AND count(*) FILTER (WHERE last_error LIKE '%https://%') = 1 FROM webhook_deliveries")
	if n := connections.Load(); n > 0 {
		t.Errorf("%d connections were made", n)
	}
}
