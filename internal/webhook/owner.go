package webhook

import (
	"fmt"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// reads tells whether a user may read events at all. A webhook whose owner may not is disabled.
func reads(owner *model.User) bool { return owner.Active && owner.Role != model.Intake }

// bound is what a webhook asks of the log, and what its owner may see of it: the one place where that is decided. What
// is wanted is decided as the feed does, when the delivery is made; when it is posted, the log's Find says whether the
// owner may see it still.
type bound struct {
	event.Request
	scope *filter.Scope
}

func boundOf(hook *model.Webhook) (b bound, err error) {
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
		b.scope = nil // who may not see personal data may not ask by it either, and so sees nothing here
	}
	return b, nil
}

func (b bound) wants(e *event.Event) bool {
	_, shown := b.Shows(e, b.scope)
	return shown
}

func (b bound) matches(e *model.LoggedEvent) bool {
	return b.Filter.Match(filter.Of(e.Then, e.At), b.scope.Viewer())
}
