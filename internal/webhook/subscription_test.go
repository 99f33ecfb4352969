package webhook_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

var opened = []model.CaseEventType{model.EventOpened}

// writes is a world without a sender, for tests of the writes.
type writes struct {
	*worktest.World
	subscriptions *webhook.Subscriptions
}

func newWrites(t *testing.T) *writes {
	t.Helper()
	w := worktest.New(t)
	return &writes{w, webhook.NewSubscriptions(w.DB, w.Revisions, w.Log, webhook.Addresses{}, w.Now)}
}

func (w *writes) webhook() *model.Webhook {
	w.T.Helper()
	out, err := w.subscriptions.Create(w.T.Context(), w.Admin, webhook.CreateWebhookInput{URL: "https://hooks.example.com/x", Events: opened})
	if err != nil {
		w.T.Fatal(err)
	}
	return out.Webhook
}

func caseFilter(t *testing.T, raw string) *filter.Case {
	t.Helper()
	v, err := filter.Decode([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	f := new(filter.Case)
	if err := f.UnmarshalGQL(v); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCreate(t *testing.T) {
	t.Parallel()
	t.Run("makes the caller the owner, and starts at the end of the log", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		w.Open(w.Admin.User)
		out, err := w.subscriptions.Create(t.Context(), w.Admin, webhook.CreateWebhookInput{
			URL: "https://hooks.example.com/x", Filter: caseFilter(t, `{"status": ["OPEN"]}`),
			Events: []model.CaseEventType{model.EventOpened, model.EventAssigned, model.EventOpened},
		})
		if err != nil {
			t.Fatal(err)
		}
		h := worktest.Read[model.Webhook](w.T, w.DB, out.Webhook.ID)
		if h.Position != 2 || h.OwnerID != w.Admin.User.ID || !h.Enabled || !slices.Equal(h.Events, []model.CaseEventType{model.EventAssigned, model.EventOpened}) ||
			h.Secret != out.Secret || !strings.HasPrefix(h.Secret, "whsec_") || len(h.Secret) != len("whsec_")+44 || !strings.Contains(string(h.Filter), "OPEN") {
			t.Errorf("the webhook is %+v", h)
		}
		if other := w.webhook(); other.Secret == h.Secret {
			t.Error("two webhooks have the same secret")
		}
	})

	// A webhook posts what its owner may see, so closeloop itself, which is no user, cannot own one.
	t.Run("refuses closeloop itself, which is no user", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		_, err := w.subscriptions.Create(t.Context(), auth.System("the command line"), webhook.CreateWebhookInput{URL: "https://hooks.example.com/x", Events: opened})
		worktest.Refused(t, "by closeloop itself", err, fault.CodeForbidden, "")
		if n := w.Count("SELECT count(*) FROM webhooks"); n != 0 {
			t.Errorf("%d webhooks, want none", n)
		}
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	t.Run("refuses bad input and changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		h := w.webhook()
		for what, c := range map[string]struct {
			in       webhook.UpdateWebhookInput
			argument string
		}{
			"a private address":           {webhook.UpdateWebhookInput{URL: worktest.Given("https://10.0.0.1/")}, "input.url"},
			"no TLS":                      {webhook.UpdateWebhookInput{URL: worktest.Given("http://hooks.example.com/")}, "input.url"},
			"no address":                  {webhook.UpdateWebhookInput{URL: worktest.Null[string]()}, "input.url"},
			"no types":                    {webhook.UpdateWebhookInput{Events: graphql.OmittableOf([]model.CaseEventType{})}, "input.events"},
			"null for types":              {webhook.UpdateWebhookInput{Events: graphql.OmittableOf[[]model.CaseEventType](nil)}, "input.events"},
			"null for enabled":            {webhook.UpdateWebhookInput{Enabled: worktest.Null[bool]()}, "input.enabled"},
			"an empty filter":             {webhook.UpdateWebhookInput{Filter: graphql.OmittableOf(caseFilter(t, `{}`))}, "input.filter"},
			"a null in a filter":          {webhook.UpdateWebhookInput{Filter: graphql.OmittableOf(caseFilter(t, `{"status": ["OPEN"], "customer": null}`))}, "input.filter.customer"},
			"a search":                    {webhook.UpdateWebhookInput{Filter: graphql.OmittableOf(caseFilter(t, `{"customer": {"search": "Ana"}}`))}, "input.filter.customer.search"},
			"an empty object in a filter": {webhook.UpdateWebhookInput{Filter: graphql.OmittableOf(caseFilter(t, `{"customer": {}}`))}, "input.filter.customer"},
		} {
			c.in.WebhookID = h.ID
			_, err := w.subscriptions.Update(t.Context(), w.Admin, c.in)
			worktest.Refused(t, what, err, fault.CodeBadUserInput, c.argument)
		}
		if stored := worktest.Read[model.Webhook](w.T, w.DB, h.ID); stored.URL != h.URL || !slices.Equal(stored.Events, h.Events) || stored.Filter != nil {
			t.Errorf("a refused update changed the webhook: %+v", stored)
		}
		none := model.WebhookID{UUID: model.NewUUID()}
		_, err := w.subscriptions.Update(t.Context(), w.Admin, webhook.UpdateWebhookInput{WebhookID: none})
		worktest.Refused(t, "update of an unknown webhook", err, fault.CodeNotFound, "input.webhookId")
		_, err = w.subscriptions.RotateSecret(t.Context(), w.Admin, webhook.RotateWebhookSecretInput{WebhookID: none})
		worktest.Refused(t, "rotation of an unknown webhook", err, fault.CodeNotFound, "input.webhookId")
		_, err = w.subscriptions.Delete(t.Context(), w.Admin, webhook.DeleteWebhookInput{WebhookID: none})
		worktest.Refused(t, "deletion of an unknown webhook", err, fault.CodeNotFound, "input.webhookId")
		_, err = w.subscriptions.Redeliver(t.Context(), w.Admin, webhook.RedeliverWebhookInput{DeliveryID: model.DeliveryID{UUID: model.NewUUID()}})
		worktest.Refused(t, "redelivery of an unknown delivery", err, fault.CodeNotFound, "input.deliveryId")
	})

	t.Run("does not enable a webhook with an inactive owner", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		h := w.webhook()
		w.Must("UPDATE users SET active = false WHERE id = $1", w.Admin.User.ID.UUID)
		_, err := w.subscriptions.Update(t.Context(), w.Admin, webhook.UpdateWebhookInput{WebhookID: h.ID, Enabled: worktest.Given(true)})
		worktest.Refused(t, "enabled", err, fault.CodeConflict, "input.enabled")
		if _, err := w.subscriptions.Update(t.Context(), w.Admin, webhook.UpdateWebhookInput{WebhookID: h.ID, Enabled: worktest.Given(false)}); err != nil {
			t.Error(err)
		}
	})
}

// delivery writes a delivery that has ended.
func (w *writes) delivery(h *model.Webhook) *model.WebhookDelivery {
	w.T.Helper()
	c := w.Open(w.Admin.User)
	d := &model.WebhookDelivery{ID: model.DeliveryID{UUID: model.NewUUID()}, WebhookID: h.ID, CaseID: c.ID, Position: 1, Status: model.DeliveryFailed, Attempts: 7, Tries: 7, CreatedAt: worktest.Start}
	if err := w.DB.Gorm.Raw("SELECT id FROM case_events WHERE case_id = ? AND version = 1", c.ID).Scan(&d.EventID).Error; err != nil {
		w.T.Fatal(err)
	}
	w.Create(d)
	return d
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	t.Run("succeeds once of many calls at the same time", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		d := w.delivery(w.webhook())
		errs := make([]error, 6)
		worktest.AtOnce(len(errs), func(i int) {
			_, errs[i] = w.subscriptions.Redeliver(t.Context(), w.Admin, webhook.RedeliverWebhookInput{DeliveryID: d.ID})
		})
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
			} else {
				worktest.Refused(t, "a second redelivery", err, fault.CodeConflict, "input.deliveryId")
			}
		}
		stored := worktest.Read[model.WebhookDelivery](w.T, w.DB, d.ID)
		if done != 1 || stored.Status != model.DeliveryQueued || !stored.ByHand || stored.Attempts != 7 || stored.Tries != 0 || stored.NextAttemptAt == nil {
			t.Errorf("%d calls succeeded, want 1; the delivery is %+v", done, stored)
		}
	})

	t.Run("refuses a disabled webhook", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		h := w.webhook()
		d := w.delivery(h)
		if _, err := w.subscriptions.Update(t.Context(), w.Admin, webhook.UpdateWebhookInput{WebhookID: h.ID, Enabled: worktest.Given(false)}); err != nil {
			t.Fatal(err)
		}
		_, err := w.subscriptions.Redeliver(t.Context(), w.Admin, webhook.RedeliverWebhookInput{DeliveryID: d.ID})
		worktest.Refused(t, "disabled", err, fault.CodeConflict, "input.deliveryId")
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w := newWrites(t)
	h := w.webhook()
	w.delivery(h)
	w.Must("INSERT INTO notifications (id, kind, \"to\", to_fold, status, created_at, webhook_id) VALUES ($1, 'WEBHOOK_DISABLED', 'a@b.c', 'a@b.c', 'QUEUED', now(), $2)", model.NewUUID(), h.ID.UUID)
	if _, err := w.subscriptions.Delete(t.Context(), w.Admin, webhook.DeleteWebhookInput{WebhookID: h.ID}); err != nil {
		t.Fatal(err)
	}
	if n := w.Count("SELECT (SELECT count(*) FROM webhooks) + (SELECT count(*) FROM webhook_deliveries)"); n != 0 {
		t.Errorf("%d rows remain, want none", n)
	}
	if n := w.Count("SELECT count(*) FROM notifications WHERE kind = 'WEBHOOK_DISABLED' AND webhook_id IS NULL"); n != 1 {
		t.Error("the mail about the webhook was deleted")
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWrites(t)
	h := w.webhook()
	d := w.delivery(h)
	intake := w.Viewer(model.Intake)
	for name, call := range map[string]func(auth.Viewer) error{
		"Create": func(v auth.Viewer) error {
			_, err := w.subscriptions.Create(t.Context(), v, webhook.CreateWebhookInput{URL: "https://hooks.example.com/y", Events: opened})
			return err
		},
		"Update": func(v auth.Viewer) error {
			_, err := w.subscriptions.Update(t.Context(), v, webhook.UpdateWebhookInput{WebhookID: h.ID, URL: worktest.Given("https://hooks.example.com/y")})
			return err
		},
		"RotateSecret": func(v auth.Viewer) error {
			_, err := w.subscriptions.RotateSecret(t.Context(), v, webhook.RotateWebhookSecretInput{WebhookID: h.ID})
			return err
		},
		"Redeliver": func(v auth.Viewer) error {
			_, err := w.subscriptions.Redeliver(t.Context(), v, webhook.RedeliverWebhookInput{DeliveryID: d.ID})
			return err
		},
		"Delete": func(v auth.Viewer) error {
			_, err := w.subscriptions.Delete(t.Context(), v, webhook.DeleteWebhookInput{WebhookID: h.ID})
			return err
		},
	} {
		worktest.Refused(t, name+" by INTAKE", call(intake), fault.CodeForbidden, "")
		worktest.Refused(t, name+" without a user", call(auth.Viewer{}), fault.CodeUnauthenticated, "")
	}
	stored := worktest.Read[model.Webhook](t, w.DB, h.ID)
	if stored.URL != h.URL || stored.Secret != h.Secret || w.Count("SELECT count(*) FROM webhooks") != 1 || worktest.Read[model.WebhookDelivery](t, w.DB, d.ID).Status != model.DeliveryFailed {
		t.Errorf("a refused call changed the webhook or its delivery: %+v", stored)
	}
}
