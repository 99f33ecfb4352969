package read

import (
	"context"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/model"
)

// A case that was read for an event is what the event's case is now, for so long, and for so many events.
const (
	eventCaseTTL  = time.Second
	eventCaseMax = 1000
)

// eventCases are the cases of the newest events. Different subscriptions come to an event within moments of each other;
// whichever is first reads the case for all.
type eventCases = lru.Cache[eventCaseKey, *caseRead]

type eventCaseKey struct {
	event    model.EventID
	revision int64 // of the log: what was read before a customer was erased is not shown again
}

type caseRead struct {
	began time.Time
	read  func() (*model.Case, error)
}

func newEventCases() *eventCases {
	cases, err := lru.New[eventCaseKey, *caseRead](eventCaseMax)
	if err != nil {
		panic(err) // of a size that is none
	}
	return cases
}

// CaseOf is the case of an event that a subscription shows, as it is now. Who may see a part of the cases alone has it
// read for himself, for it may have left that part just now.
func (r *Reader) CaseOf(ctx context.Context, e *model.LoggedEvent) (*model.Case, error) {
	viewer, err := auth.From(ctx)
	if err != nil || viewer.Scope().Restricted() {
		return Case(ctx, e.CaseID)
	}
	key, now := eventCaseKey{e.ID, r.log.Revision()}, time.Now()
	ours := &caseRead{began: now, read: sync.OnceValues(func() (*model.Case, error) {
		var c model.Case
		// Not of the answer that happens to be first: others wait for it too, and that one may be over before.
		err := r.db.WithContext(context.WithoutCancel(ctx)).Where("id = ?", e.CaseID).Limit(1).Find(&c).Error
		return &c, err
	})}
	s, found, _ := r.eventCases.PeekOrAdd(key, ours)
	if !found || now.Sub(s.began) > eventCaseTTL {
		s = ours
		r.eventCases.Add(key, s)
	}
	c, err := s.read()
	switch {
	case err != nil:
		r.eventCases.Remove(key)
		return nil, fmt.Errorf("read the case of an event: %w", err)
	case c.ID != e.CaseID:
		return nil, notFound("case")
	}
	return c, nil
}
