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

// A case that was read for an event counts as current for eventCaseTTL, and is kept for at most eventCaseMax events.
const (
	eventCaseTTL = time.Second
	eventCaseMax = 1000
)

// eventCases caches the cases of the newest events. All subscriptions reach an event within moments of each other, and
// the first one reads the case for all of them.
type eventCases = lru.Cache[eventCaseKey, *caseRead]

type eventCaseKey struct {
	event    model.EventID
	revision int64 // the log's revision: a case that was read before a customer's erasure is not returned afterwards
}

type caseRead struct {
	began time.Time
	read  func() (*model.Case, error)
}

func newEventCases() *eventCases {
	cases, err := lru.New[eventCaseKey, *caseRead](eventCaseMax)
	if err != nil {
		panic(err) // cannot happen: lru.New refuses only a size below 1
	}
	return cases
}

// CaseOf returns the current case of an event that a subscription shows. A viewer with a scope never uses the cache: the
// case may have left the viewer's scope since it was cached.
func (r *Reader) CaseOf(ctx context.Context, e *model.LoggedEvent) (*model.Case, error) {
	viewer, err := auth.From(ctx)
	if err != nil || viewer.Scope().Restricted() {
		return Case(ctx, e.CaseID)
	}
	key, now := eventCaseKey{e.ID, r.log.Revision()}, time.Now()
	own := &caseRead{began: now, read: sync.OnceValues(func() (*model.Case, error) {
		var c model.Case
		// Other answers wait for this read, too, so the end of the first answer must not cancel it.
		err := r.db.WithContext(context.WithoutCancel(ctx)).Where("id = ?", e.CaseID).Limit(1).Find(&c).Error
		return &c, err
	})}
	s, found, _ := r.eventCases.PeekOrAdd(key, own)
	if !found || now.Sub(s.began) > eventCaseTTL {
		s = own
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
