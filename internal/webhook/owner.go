package webhook

import (
	"context"
	"fmt"
	"slices"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// reads tells whether a user may read events at all. A webhook whose owner may not is disabled.
func reads(owner *model.User) bool { return owner.Active && owner.Role != model.Intake }

// bound is what a webhook asks of the log, and what its owner may see of it: the one place where that is decided.
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

// sees tells whether the owner may see an event now: where its case, as it was then and as it is now, is in their
// scope.
func (s *Sender) sees(ctx context.Context, b bound, e *model.LoggedEvent) (bool, error) {
	if !reads(b.hook.Owner) || !b.scope.Sees(filter.Of(e.Then, e.At)) {
		return false, nil
	}
	if !b.scope.Bounded() {
		return true, nil
	}
	now, err := s.log.Stands(ctx, e.CaseID)
	if err != nil {
		return false, err
	}
	return b.scope.Sees(filter.Of(now, s.clock())), nil
}
