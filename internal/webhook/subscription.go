package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/configuration"
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
	webhooksMax = 20             // of a user who is no administrator: each costs the server the reading of the log
)

// Subscriptions writes the webhooks of one database. Each exported method is one transaction. Users write their own
// webhooks, and administrators all: the webhooks of others do not exist for the caller.
type Subscriptions struct {
	db        *pg.DB
	revisions *configuration.Revisions
	log       *event.Log
	addresses Addresses
	now       func() time.Time
}

// NewSubscriptions returns the Subscriptions of a database. addresses says which addresses webhooks may have.
func NewSubscriptions(db *pg.DB, revisions *configuration.Revisions, log *event.Log, addresses Addresses, now func() time.Time) *Subscriptions {
	return &Subscriptions{db: db, revisions: revisions, log: log, addresses: addresses, now: now}
}

func (s *Subscriptions) clock() time.Time { return pg.Timestamp(s.now()) }

// CreateWebhookInput is a new webhook.
type CreateWebhookInput struct {
	URL     string
	Events  []model.CaseEventType
	Filter  *filter.Case
	OwnerID *model.UserID // nil: the viewer
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

// Create creates a webhook, of the viewer or, for an administrator, of another user. It starts at the end of the log, so it
// gets only events after this call. auth.System is refused: the owner's scope decides what a webhook posts, so the owner
// must be a user. So is a token that may do less than its user, because the webhook would post what the user sees.
func (s *Subscriptions) Create(ctx context.Context, viewer auth.Viewer, in CreateWebhookInput) (*CreateWebhookPayload, error) {
	if err := mayWrite(viewer); err != nil {
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
	if in.OwnerID != nil && *in.OwnerID != viewer.User.ID {
		if !viewer.Has() {
			return nil, &fault.Error{Code: fault.CodeForbidden, Argument: "input.ownerId", Message: "only an administrator creates webhooks for other users"}
		}
		w.OwnerID = *in.OwnerID
	}
	all := UpdateWebhookInput{URL: graphql.OmittableOf(&in.URL), Events: graphql.OmittableOf(in.Events), Filter: graphql.OmittableOf(in.Filter)}
	var err error
	if w.Position, err = s.log.Stamp(ctx); err != nil {
		return nil, err
	}
	err = s.revisions.Change(ctx, func(tx *gorm.DB) error {
		ofOwner := s.lockOwner(tx, w)
		if err := fault.Join(ofOwner, all.apply(w, s.policy(viewer, w.Owner))); err != nil {
			return err
		}
		if err := tx.Omit(clause.Associations).Create(w).Error; err != nil {
			return fmt.Errorf("create a webhook: %w", err)
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditWebhookCreated, Object: w.ID, After: w})
	})
	if err != nil {
		return nil, err
	}
	return &CreateWebhookPayload{Webhook: w, Secret: w.Secret}, nil
}

// lockOwner reads the owner of a new webhook, who must be active and may read cases. It bounds how many webhooks a user
// other than an administrator has; the lock makes two calls at once count one after the other.
func (s *Subscriptions) lockOwner(tx *gorm.DB, w *model.Webhook) error {
	w.Owner = new(model.User)
	err := tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).Where("id = ?", w.OwnerID).Take(w.Owner).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fault.NotFound("input.ownerId", "there is no such user")
	}
	if err != nil {
		return fmt.Errorf("read a webhook's owner: %w", err)
	}
	if !mayReadEvents(w.Owner) {
		return fault.Input("input.ownerId", "the user is not active, or has the role INTAKE, which may not read cases")
	}
	if w.Owner.Role == model.Admin {
		return nil
	}
	var n int64
	if err := tx.Model(&model.Webhook{}).Where("owner_id = ?", w.OwnerID).Count(&n).Error; err != nil {
		return fmt.Errorf("count a user's webhooks: %w", err)
	}
	if n >= webhooksMax {
		return fault.New(fault.CodeConflict, "a user may have at most %d webhooks: delete one first", webhooksMax)
	}
	return nil
}

// Update changes a webhook. An enabled webhook continues at its position in the log, and its due deliveries are tried at
// once.
func (s *Subscriptions) Update(ctx context.Context, viewer auth.Viewer, in UpdateWebhookInput) (*UpdateWebhookPayload, error) {
	if err := mayWrite(viewer); err != nil {
		return nil, err
	}
	var w *model.Webhook
	err := s.revisions.Change(ctx, func(tx *gorm.DB) (err error) {
		if w, err = lockVisible(tx, viewer, in.WebhookID); err != nil {
			return fault.Join(err, in.apply(new(model.Webhook), s.policy(viewer, new(model.User))))
		}
		was, owner := *w, new(model.User)
		if err := tx.Where("id = ?", w.OwnerID).Take(owner).Error; err != nil {
			return fmt.Errorf("read a webhook's owner: %w", err)
		}
		if err := fault.Join(in.apply(w, s.addresses.of(owner)), in.ownerActive(owner)); err != nil {
			return err
		}
		w.UpdatedAt = s.clock()
		err = tx.Model(w).Select("URL", "Events", "Filter", "Enabled", "DisabledReason", "FailingSince", "UpdatedAt").Updates(w).Error
		if err != nil {
			return fmt.Errorf("update a webhook: %w", err)
		}
		if err := audit.Append(tx, viewer, audit.Entry{Action: model.AuditWebhookUpdated, Object: w.ID, Before: &was, After: w}); err != nil {
			return err
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

// policy says which addresses a webhook of the owner may have. Where there is no such owner it judges by the viewer.
func (s *Subscriptions) policy(viewer auth.Viewer, owner *model.User) egress.Policy {
	if owner.ID == (model.UserID{}) && viewer.User != nil {
		owner = viewer.User
	}
	return s.addresses.of(owner)
}

// ownerActive refuses to enable a webhook that the sender would disable again because of its owner.
func (in UpdateWebhookInput) ownerActive(owner *model.User) error {
	if v, _ := in.Enabled.ValueOK(); v != nil && *v && !mayReadEvents(owner) {
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
	if err := mayWrite(viewer); err != nil {
		return nil, err
	}
	var w *model.Webhook
	err := s.revisions.Change(ctx, func(tx *gorm.DB) (err error) {
		if w, err = lockVisible(tx, viewer, in.WebhookID); err != nil {
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
		if err := tx.Model(w).Select("Secret", "RetiredSecrets").Updates(w).Error; err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditWebhookSecretRotated, Object: w.ID})
	})
	if err != nil {
		return nil, err
	}
	return &RotateWebhookSecretPayload{Webhook: w, Secret: w.Secret}, nil
}

// Delete deletes a webhook with its deliveries.
func (s *Subscriptions) Delete(ctx context.Context, viewer auth.Viewer, in DeleteWebhookInput) (*DeleteWebhookPayload, error) {
	if err := mayWrite(viewer); err != nil {
		return nil, err
	}
	err := s.revisions.Change(ctx, func(tx *gorm.DB) error {
		w, err := lockVisible(tx, viewer, in.WebhookID)
		if err != nil {
			return err
		}
		if err := tx.Delete(w).Error; err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditWebhookDeleted, Object: w.ID, Before: w})
	})
	if err != nil {
		return nil, err
	}
	return &DeleteWebhookPayload{DeletedID: in.WebhookID}, nil
}

func newWebhookSecret() string {
	var secret [secretBytes]byte
	_, _ = rand.Read(secret[:]) // crypto/rand.Read never returns an error
	return "whsec_" + base64.StdEncoding.EncodeToString(secret[:])
}
