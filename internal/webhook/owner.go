package webhook

import (
	"fmt"
	"slices"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// reads tells whether a user may read events at all. A webhook whose owner may not is disabled.
func reads(owner *model.User) bool { return owner.Active && owner.Role != model.Intake }

// bound is what a webhook asks of the log, and what its owner may see of it: the one place where that is decided. That
// an event is wanted is decided when its delivery is made; when it is posted, the log's Find says whether the owner may
// see it still.
type bound struct {
	hook   *model.Webhook
	filter *filter.Case // nil: all
	scope  *filter.Scope
}

func boundOf(hook *model.Webhook) (b bound, err error) {
	b.hook = hook
	if b.scope, err = filter.ScopeOf(hook.Owner); err != nil {
		return b, fmt.Errorf("read the scope of a webhook's owner: %v", err)
	}
	if hook.Filter == nil {
		return b, nil
	}
	if b.filter, err = filter.StoredCase(hook.Filter); err != nil {
		return b, fmt.Errorf("read a webhook's filter: %v", err)
	}
	if b.scope.Veiled() && b.filter.Personal() != "" {
		b.scope = nil // who may not see personal data may not ask by it either, and so sees nothing here
	}
	return b, nil
}

// wants tells whether an event is to be posted, as far as its snapshots say: by the case right before it and right
// after, as the feed decides. What the scope does not see of a case is not there.
func (b bound) wants(e *event.Event) bool {
	if !slices.Contains(b.hook.Events, e.Type) {
		return false
	}
	then := filter.Of(e.Then, e.At)
	if !b.scope.Sees(then) {
		return false
	}
	if b.matches(then) {
		return true
	}
	if e.Was == nil {
		return false
	}
	was := filter.Of(e.Was, e.At)
	return b.scope.Sees(was) && b.matches(was)
}

func (b bound) matches(s *filter.Subject) bool { return b.filter.Match(s, b.hook.OwnerID) }
