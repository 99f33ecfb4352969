package webhook

import (
	"fmt"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// mayReadEvents reports whether a user may read events. A webhook is disabled when its owner may not.
func mayReadEvents(owner *model.User) bool { return owner.Active && owner.Role != model.Intake }

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
