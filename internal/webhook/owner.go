package webhook

import (
	"fmt"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// mayReadEvents tells whether a user may read events. A webhook is disabled when its owner may not.
func mayReadEvents(owner *model.User) bool { return owner.Active && owner.Role != model.Intake }

// selection combines the webhook's filter with its owner's scope; no other code decides which events a webhook receives.
// The filter is applied when the delivery is created, by the same code as in the feed. When the delivery is posted, the
// log's Find checks that the owner may still see the event.
type selection struct {
	event.Request
	scope *filter.Scope
}

func selectionOf(hook *model.Webhook) (b selection, err error) {
	b.Types = hook.Events
	if b.scope, err = filter.ScopeOf(hook.Owner); err != nil {
		return b, fmt.Errorf("read the scope of a webhook's owner: %v", err)
	}
	if hook.Filter == nil {
		return b, nil
	}
	if b.Filter, err = filter.ParseStoredCase(hook.Filter); err != nil {
		return b, fmt.Errorf("read a webhook's filter: %v", err)
	}
	if b.scope.Masked() && b.Filter.Personal() != "" {
		b.scope = nil // an owner without access to personal data must not filter by it, and receives nothing
	}
	return b, nil
}

func (b selection) wants(e *event.Event) bool {
	_, shown := b.Shows(e, b.scope)
	return shown
}

func (b selection) matches(e *model.LoggedEvent) bool {
	return b.Filter.Match(filter.Of(e.Then, e.At), b.scope.Viewer())
}
