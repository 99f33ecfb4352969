package webhook_test

import (
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestWebhooksOfUsers(t *testing.T) {
	t.Parallel()
	hooks := webhook.CreateWebhookInput{URL: "https://hooks.example.com/x", Events: opened}
	t.Run("belong to any user who may read events, and to nobody else", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		for _, role := range []model.Role{model.Partner, model.Stakeholder, model.Agent, model.Manager} {
			owner := w.User(strings.ToLower(string(role))+"@care.example", role)
			out, err := w.subscriptions.Create(t.Context(), auth.Viewer{User: owner}, hooks)
			if err != nil || out.Webhook.OwnerID != owner.ID {
				t.Errorf("%s: %v", role, err)
			}
		}
		intake := w.User("intake@care.example", model.Intake)
		_, err := w.subscriptions.Create(t.Context(), auth.Viewer{User: intake}, hooks)
		worktest.Refused(t, "by INTAKE", err, fault.CodeForbidden, "")
	})

	t.Run("are made for others by administrators only", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		kim, lee := w.User("kim@care.example", model.Partner), w.User("lee@care.example", model.Manager)
		of := func(owner model.UserID) webhook.CreateWebhookInput {
			in := hooks
			in.OwnerID = &owner
			return in
		}
		_, err := w.subscriptions.Create(t.Context(), auth.Viewer{User: lee}, of(kim.ID))
		worktest.Refused(t, "by a manager for a partner", err, fault.CodeForbidden, "input.ownerId")
		if out, err := w.subscriptions.Create(t.Context(), auth.Viewer{User: kim}, of(kim.ID)); err != nil || out.Webhook.OwnerID != kim.ID {
			t.Errorf("by a partner for themselves: %v", err)
		}
		if out, err := w.subscriptions.Create(t.Context(), w.Admin, of(kim.ID)); err != nil || out.Webhook.OwnerID != kim.ID {
			t.Errorf("by the administrator for a partner: %v", err)
		}
		_, err = w.subscriptions.Create(t.Context(), w.Admin, of(model.UserID{UUID: model.NewUUID()}))
		worktest.Refused(t, "for nobody", err, fault.CodeNotFound, "input.ownerId")
		_, err = w.subscriptions.Create(t.Context(), w.Admin, of(w.User("intake@care.example", model.Intake).ID))
		worktest.Refused(t, "for INTAKE", err, fault.CodeBadUserInput, "input.ownerId")
	})

	t.Run("do not exist for other users", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		ours := w.webhook()
		manager := auth.Viewer{User: w.User("lee@care.example", model.Manager)}
		_, err := w.subscriptions.Update(t.Context(), manager, webhook.UpdateWebhookInput{WebhookID: ours.ID, Enabled: graphql.OmittableOf(new(false))})
		worktest.Refused(t, "update", err, fault.CodeNotFound, "input.webhookId")
		_, err = w.subscriptions.RotateSecret(t.Context(), manager, webhook.RotateWebhookSecretInput{WebhookID: ours.ID})
		worktest.Refused(t, "rotation", err, fault.CodeNotFound, "input.webhookId")
		_, err = w.subscriptions.Delete(t.Context(), manager, webhook.DeleteWebhookInput{WebhookID: ours.ID})
		worktest.Refused(t, "deletion", err, fault.CodeNotFound, "input.webhookId")
		if h := worktest.Read[model.Webhook](w.T, w.DB, ours.ID); !h.Enabled || h.Secret != ours.Secret {
			t.Errorf("a stranger changed %+v", h)
		}
		theirs, err := w.subscriptions.Create(t.Context(), manager, hooks)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.subscriptions.Delete(t.Context(), w.Admin, webhook.DeleteWebhookInput{WebhookID: theirs.Webhook.ID}); err != nil {
			t.Errorf("the administrator deletes a manager's webhook: %v", err)
		}
	})

	t.Run("have public addresses, whatever the setting allows administrators", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		subscriptions := webhook.NewSubscriptions(w.DB, w.Revisions, w.Log, webhook.Addresses{OfAdmins: egress.Policy{Private: true}}, w.Now)
		inside := webhook.CreateWebhookInput{URL: "http://10.0.0.1/", Events: opened}
		partner := auth.Viewer{User: w.User("kim@care.example", model.Partner)}
		_, err := subscriptions.Create(t.Context(), partner, inside)
		worktest.Refused(t, "by a partner", err, fault.CodeBadUserInput, "input.url")
		inside.OwnerID = &partner.User.ID
		_, err = subscriptions.Create(t.Context(), w.Admin, inside)
		worktest.Refused(t, "for a partner", err, fault.CodeBadUserInput, "input.url")
		inside.OwnerID = nil
		if _, err := subscriptions.Create(t.Context(), w.Admin, inside); err != nil {
			t.Errorf("by the administrator: %v", err)
		}
	})

	t.Run("are at most twenty, also when they are made at once", func(t *testing.T) {
		t.Parallel()
		w := newWrites(t)
		partner := auth.Viewer{User: w.User("kim@care.example", model.Partner)}
		worktest.AtOnce(25, func(int) {
			_, err := w.subscriptions.Create(t.Context(), partner, hooks)
			if err != nil && !fault.Is(err, fault.CodeConflict) {
				t.Error(err)
			}
		})
		if n := w.Count("SELECT count(*) FROM webhooks"); n != 20 {
			t.Errorf("the partner has %d webhooks", n)
		}
		if n := w.Count("SELECT count(*) FROM audit_events WHERE action = 'WEBHOOK_CREATED' AND actor_id = $1", partner.User.ID.UUID); n != 20 {
			t.Errorf("the audit has %d", n)
		}
	})
}
