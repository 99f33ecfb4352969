package webhook

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// mayReadEvents reports whether a user may read events. A webhook is disabled when its owner may not.
func mayReadEvents(owner *model.User) bool { return owner.Active && owner.Role != model.Intake }

// mayWrite refuses callers who may have no webhooks: those without a role that reads events, and tokens that may do less
// than their user, because a webhook posts what its owner sees.
func mayWrite(viewer auth.Viewer) error {
	if err := viewer.Require(model.Partner, model.Stakeholder, model.Agent, model.Manager); err != nil {
		return err
	}
	if viewer.Narrower() {
		return fault.New(fault.CodeForbidden, "this token may do less than its user, and a webhook posts what the user sees: use a token without a role or scope of its own")
	}
	return nil
}

// lockVisible locks a webhook's row as lockWebhook does. It refuses a webhook that does not exist, or that belongs to
// another user while the viewer is no administrator.
func lockVisible(tx *gorm.DB, viewer auth.Viewer, id model.WebhookID) (*model.Webhook, error) {
	w, err := lockWebhook(tx, id)
	if err != nil {
		return nil, err
	}
	if w == nil || viewer.User != nil && !viewer.Has() && w.OwnerID != viewer.User.ID {
		return nil, fault.NotFound("input.webhookId", "there is no such webhook")
	}
	return w, nil
}

// Addresses are the addresses that webhooks may have. The zero value allows public ones only. Users other than
// administrators must not make the server call hosts that only the server can reach, whatever the setting says.
type Addresses struct{ OfAdmins, OfOthers egress.Policy }

func (a Addresses) of(owner *model.User) egress.Policy {
	if owner.Role == model.Admin {
		return a.OfAdmins
	}
	return a.OfOthers
}

// selection combines the webhook's filter with its owner's scope; no other code decides which events a webhook receives.
// The filter is applied when the delivery is created, by the same code as in the feed. When the delivery is posted, the
// log's Find checks that the owner may still see the event.
type selection struct {
	event.Request
	scope *filter.Scope
}

func selectionOf(hook *model.Webhook) (sel selection, err error) {
	sel.Types = hook.Events
	if sel.scope, err = filter.ScopeOf(hook.Owner); err != nil {
		return sel, fmt.Errorf("read the scope of a webhook's owner: %v", err)
	}
	if hook.Filter == nil {
		return sel, nil
	}
	if sel.Filter, err = filter.ParseStoredCase(hook.Filter); err != nil {
		return sel, fmt.Errorf("read a webhook's filter: %v", err)
	}
	if sel.scope.Masked() && sel.Filter.Personal() != "" {
		sel.scope = nil // an owner without access to personal data must not filter by it, and receives nothing
	}
	return sel, nil
}

func (sel selection) wants(e *event.Event) bool {
	_, shown := sel.Shows(e, sel.scope)
	return shown
}

func (sel selection) matches(e *model.LoggedEvent) bool {
	return sel.Filter.Match(filter.Of(e.Then, e.At), sel.scope.Viewer())
}
