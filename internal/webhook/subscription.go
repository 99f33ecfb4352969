package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	secretBytes = 32             // Standard Webhooks requires 24 to 64
	retiredFor  = 24 * time.Hour // how long requests are also signed with a replaced secret
	retiredMax  = 9              // each secret adds a signature to the header of each request
)

// Subscriptions writes the webhooks of one database. Each exported method is one transaction, and only administrators
// may call it.
type Subscriptions struct {
	db     *pg.DB
	log    *event.Log
	policy egress.Policy
	now    func() time.Time
}

// NewSubscriptions returns the Subscriptions of a database. The policy says which addresses a webhook may have.
func NewSubscriptions(db *pg.DB, log *event.Log, policy egress.Policy, now func() time.Time) *Subscriptions {
	return &Subscriptions{db: db, log: log, policy: policy, now: now}
}

func (s *Subscriptions) clock() time.Time { return pg.Timestamp(s.now()) }

// CreateWebhookInput is a new webhook.
type CreateWebhookInput struct {
	URL    string
	Events []model.CaseEventType
	Filter *filter.Case
}

// CreateWebhookPayload has the secret, which is shown only here.
type CreateWebhookPayload struct {
	Webhook *model.Webhook
	Secret  string
}

// UpdateWebhookInput changes a webhook; an absent field is not changed.
type UpdateWebhookInput struct {
	WebhookID model.WebhookID
	URL       graphql.Omittable[*string]
	Events    graphql.Omittable[[]model.CaseEventType]
	Filter    graphql.Omittable[*filter.Case]
	Enabled   graphql.Omittable[*bool]
}

// UpdateWebhookPayload is the webhook after the change.
type UpdateWebhookPayload struct{ Webhook *model.Webhook }

// RotateWebhookSecretInput names a webhook.
type RotateWebhookSecretInput struct{ WebhookID model.WebhookID }

// RotateWebhookSecretPayload has the new secret, which is shown only here.
type RotateWebhookSecretPayload struct {
	Webhook *model.Webhook
	Secret  string
}

// DeleteWebhookInput names a webhook.
type DeleteWebhookInput struct{ WebhookID model.WebhookID }

// DeleteWebhookPayload has the id of the deleted webhook.
type DeleteWebhookPayload struct{ DeletedID model.WebhookID }

// Create creates a webhook that the viewer owns. It starts at the end of the log, so it gets only events after this call.
// auth.System is refused: the owner's scope decides what a webhook posts, so the owner must be a user.
func (s *Subscriptions) Create(ctx context.Context, viewer auth.Viewer, in CreateWebhookInput) (*CreateWebhookPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	if viewer.User == nil {
		return nil, fault.New(fault.CodeForbidden, "a webhook needs a user as its owner; create it with the token of an administrator")
	}
	now := s.clock()
	w := &model.Webhook{
		ID: model.WebhookID{UUID: model.NewUUID()}, OwnerID: viewer.User.ID, Enabled: true, Secret: newWebhookSecret(),
		RetiredSecrets: []model.RetiredSecret{}, CreatedAt: now, UpdatedAt: now,
	}
	all := UpdateWebhookInput{URL: graphql.OmittableOf(&in.URL), Events: graphql.OmittableOf(in.Events), Filter: graphql.OmittableOf(in.Filter)}
	if err := all.apply(w, s.policy); err != nil {
		return nil, err
	}
	var err error
	if w.Position, err = s.log.Stamp(ctx); err != nil {
		return nil, err
	}
	if err := s.db.Tx(ctx, func(tx *gorm.DB) error { return tx.Omit(clause.Associations).Create(w).Error }); err != nil {
		return nil, fmt.Errorf("create a webhook: %w", err)
	}
	return &CreateWebhookPayload{Webhook: w, Secret: w.Secret}, nil
}

// Update changes a webhook. An enabled webhook continues at its position in the log, and its due deliveries are tried at
// once.
func (s *Subscriptions) Update(ctx context.Context, viewer auth.Viewer, in UpdateWebhookInput) (*UpdateWebhookPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	var w *model.Webhook
	err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		if w, err = lockExisting(tx, in.WebhookID); err != nil {
			return err
		}
		if err := in.apply(w, s.policy); err != nil {
			return err
		}
		if v, _ := in.Enabled.ValueOK(); v != nil && *v {
			if err := ownerActive(tx, w.OwnerID); err != nil {
				return err
			}
		}
		w.UpdatedAt = s.clock()
		err = tx.Model(w).Select("URL", "Events", "Filter", "Enabled", "DisabledReason", "FailingSince", "UpdatedAt").Updates(w).Error
		if err != nil {
			return fmt.Errorf("update a webhook: %w", err)
		}
		if v, _ := in.Enabled.ValueOK(); v == nil || !*v {
			return nil
		}
		return tx.Exec(`UPDATE webhook_deliveries SET next_attempt_at = ?, tries = 0, first_tried_at = NULL
			WHERE webhook_id = ? AND next_attempt_at IS NOT NULL`, w.UpdatedAt, w.ID).Error
	})
	if err != nil {
		return nil, err
	}
	return &UpdateWebhookPayload{Webhook: w}, nil
}

// ownerActive refuses to enable a webhook that the sender would disable again because of its owner.
func ownerActive(tx *gorm.DB, id model.UserID) error {
	var owner model.User
	if err := tx.Where("id = ?", id).Take(&owner).Error; err != nil {
		return fmt.Errorf("read a webhook's owner: %w", err)
	}
	if !owner.Active || owner.Role == model.Intake {
		return &fault.Error{Code: fault.CodeConflict, Argument: "input.enabled",
			Message: "the webhook's owner, " + owner.Name + ", is not active or may not read cases; create a new webhook with your own token instead"}
	}
	return nil
}

// apply checks the given fields and sets them on the webhook. It returns all faults together; the webhook is then of no use.
func (in UpdateWebhookInput) apply(w *model.Webhook, policy egress.Policy) error {
	var faults []error
	refuse := func(err error) { faults = append(faults, err) }
	if v, ok := in.URL.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("url"))
	} else if ok {
		refuse(policy.Check("input.url", *v))
		w.URL = *v
	}
	if v, ok := in.Events.ValueOK(); ok {
		if len(v) == 0 {
			refuse(fault.Input("input.events", "events must have at least one type"))
		}
		w.Events = slices.Compact(slices.Sorted(slices.Values(v)))
	}
	if v, ok := in.Filter.ValueOK(); ok {
		raw, err := storedCase(v)
		refuse(err)
		w.Filter = raw
	}
	if v, ok := in.Enabled.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("enabled"))
	} else if ok {
		if w.Enabled = *v; *v {
			w.DisabledReason, w.FailingSince = nil, nil
		}
	}
	return fault.Join(faults...)
}

func storedCase(f *filter.Case) (json.RawMessage, error) {
	if f == nil {
		return nil, nil
	}
	if _, err := filter.ParseStoredCase(f.Raw()); err != nil {
		return nil, fault.WithPath("input.filter", err)
	}
	return f.Raw(), nil
}

// RotateSecret makes a new secret. For a day, requests are also signed with the secret before.
func (s *Subscriptions) RotateSecret(ctx context.Context, viewer auth.Viewer, in RotateWebhookSecretInput) (*RotateWebhookSecretPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	var w *model.Webhook
	err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		if w, err = lockExisting(tx, in.WebhookID); err != nil {
			return err
		}
		now := s.clock()
		valid := slices.DeleteFunc(w.RetiredSecrets, func(r model.RetiredSecret) bool { return !now.Before(r.Until) })
		if len(valid) == retiredMax {
			return &fault.Error{Code: fault.CodeConflict, Argument: "input.webhookId",
				Message: fmt.Sprintf("%d secrets of this webhook were replaced within the last day and are still valid; wait until one of them expires", retiredMax)}
		}
		w.RetiredSecrets = append([]model.RetiredSecret{{Secret: w.Secret, Until: now.Add(retiredFor)}}, valid...)
		w.Secret = newWebhookSecret()
		return tx.Model(w).Select("Secret", "RetiredSecrets").Updates(w).Error
	})
	if err != nil {
		return nil, err
	}
	return &RotateWebhookSecretPayload{Webhook: w, Secret: w.Secret}, nil
}

// Delete deletes a webhook with its deliveries.
func (s *Subscriptions) Delete(ctx context.Context, viewer auth.Viewer, in DeleteWebhookInput) (*DeleteWebhookPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		w, err := lockExisting(tx, in.WebhookID)
		if err != nil {
			return err
		}
		return tx.Delete(w).Error
	})
	if err != nil {
		return nil, err
	}
	return &DeleteWebhookPayload{DeletedID: in.WebhookID}, nil
}

// lockExisting locks a webhook's row as lockWebhook does, and refuses a webhook that does not exist.
func lockExisting(tx *gorm.DB, id model.WebhookID) (*model.Webhook, error) {
	w, err := lockWebhook(tx, id)
	if w == nil && err == nil {
		err = fault.NotFound("input.webhookId", "there is no such webhook")
	}
	return w, err
}

func newWebhookSecret() string {
	var secret [secretBytes]byte
	_, _ = rand.Read(secret[:]) // crypto/rand.Read never returns an error
	return "whsec_" + base64.StdEncoding.EncodeToString(secret[:])
}
